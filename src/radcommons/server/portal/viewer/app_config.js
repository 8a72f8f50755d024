// Configuration of the OHIF viewer. One page serves every scope: the scope is the part of the address before the mode,
// and everything OHIF asks for goes to that scope's own DICOMweb root on this host.
(function configure() {
  const address = /^\/viewer\/s\/((?:[A-Za-z0-9][A-Za-z0-9._-]*\/){0,5}[A-Za-z0-9][A-Za-z0-9._-]*)\/[A-Za-z-]+\/?$/;
  const scope = address.exec(window.location.pathname)?.[1];
  const root = `/dicom-web/${scope}`;
  const isTask = scope?.startsWith("tasks/");
  const back = scope?.startsWith("releases/") ? `/${scope}/` : isTask ? `/annotation/${scope}/` : "/";

  // Images first, then what was made of them, each by series number: readers stand in their order, the consensus last.
  // OHIF would put the newest first, and readers finish in any order.
  const isMade = ({ Modality, modality }) => ["KO", "PR", "RTDOSE", "RTPLAN", "RTSTRUCT", "SEG", "SR"].includes(Modality ?? modality);
  const numberOf = ({ SeriesNumber, seriesNumber }) => Number(SeriesNumber ?? seriesNumber ?? 0);
  const bySeriesNumber = (one, other) => isMade(one) - isMade(other) || numberOf(one) - numberOf(other);

  // Two errors of OHIF 3.13. A report in which nothing is drawn has nowhere to be shown but as text: OHIF would look for its
  // first finding in an image, in vain. And a report that opens after a segmentation looks for images of the archive among
  // the pictures made of that segmentation, which have no identifiers, and fails.
  const isDrawn = ({ ValueType, ContentSequence }) => ValueType?.startsWith("SCOORD") || [ContentSequence ?? []].flat().some(isDrawn);
  const mended = new WeakSet();
  function mend(source) {
    if (mended.has(source)) return;
    mended.add(source);
    const imageIdsOf = source.getImageIdsForDisplaySet.bind(source);
    source.getImageIdsForDisplaySet = (displaySet) => (displaySet.isOverlayDisplaySet ? [] : imageIdsOf(displaySet));
  }
  const reports = {
    id: "radcommons.reports",
    preRegistration({ servicesManager, extensionManager }) {
      const { displaySetService } = servicesManager.services;
      displaySetService.subscribe(displaySetService.EVENTS.DISPLAY_SETS_ADDED, ({ displaySetsAdded }) => {
        extensionManager.getDataSources().forEach(mend);
        for (const one of displaySetsAdded) {
          if (one.isImagingMeasurementReport && !isDrawn(one.instance)) one.isImagingMeasurementReport = false;
        }
      });
    },
  };

  window.config = {
    routerBasename: `/viewer/s/${scope}`,
    // On a reading task OHIF has our panel, which saves into the read.
    extensions: isTask ? [reports, "/viewer/reading/extension.js"] : [reports],
    modes: isTask ? ["/viewer/reading/mode.js"] : [],
    // OHIF 3.13 gives up on a whole report when one of its findings has no place in an image, as answers have none.
    customizationService: [
      {
        "ohif.tours": { $set: [] },
        sortingCriteria: { $set: bySeriesNumber },
        onBeforeSRAddMeasurement: {
          $set: ({ measurement }) => {
            if (!measurement.coords.length) measurement.coords.push({});
            return measurement;
          },
        },
      },
    ],
    whiteLabeling: {
      createLogoComponentFn(React) {
        return React.createElement("a", { href: back, style: { color: "#fff", fontSize: "14px", padding: "8px" } }, "← Back");
      },
    },
    showStudyList: false,
    investigationalUseDialog: { option: "never" },
    showErrorDetails: "production",
    // OHIF calls this for each image that does not load, and stumbles where there is none; its viewport says so already.
    httpErrorHandler: () => {},
    showWarningMessageForCrossOrigin: false,
    disableConfirmationPrompts: true,
    strictZSpacingForVolumeViewport: true,
    measurementTrackingMode: "none",
    maxNumberOfWebWorkers: 2,
    maxNumRequests: { interaction: 20, thumbnail: 5, prefetch: 8 },
    defaultDataSourceName: "repo",
    dataSources: [
      {
        namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
        sourceName: "repo",
        configuration: {
          friendlyName: "This collection",
          name: "repo",
          qidoRoot: root,
          wadoRoot: root,
          wadoUriRoot: root,
          imageRendering: "wadors",
          // OHIF's own thumbnails show MONOCHROME1 inverted and colours black; the server's are right.
          thumbnailRendering: "thumbnail",
          thumbnailRequestStrategy: "fetch",
          enableStudyLazyLoad: true,
          supportsFuzzyMatching: false,
          supportsWildcard: true,
          qidoSupportsIncludeField: true,
          staticWado: true,
          singlepart: "bulkdata,video",
          bulkDataURI: { enabled: true, relativeResolution: "studies" },
          omitQuotationForMultipartRequest: true,
          segmentation: { store: { defaultMode: "bitmap", transferSyntaxUID: "1.2.840.10008.1.2.1" } },
        },
      },
    ],
  };
})();
