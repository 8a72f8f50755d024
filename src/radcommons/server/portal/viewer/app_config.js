// Configuration of the OHIF viewer. One page serves every scope: the scope is the part of the address before the mode,
// and everything OHIF asks for goes to that scope's own DICOMweb root on this host.
(function configure() {
  const address = /^\/viewer\/s\/((?:[A-Za-z0-9][A-Za-z0-9._-]*\/){0,5}[A-Za-z0-9][A-Za-z0-9._-]*)\/[A-Za-z-]+\/?$/;
  const scope = address.exec(window.location.pathname)?.[1];
  const root = `/dicom-web/${scope}`;
  const isTask = scope?.startsWith("tasks/");
  const back = scope?.startsWith("releases/") ? `/${scope}/` : isTask ? `/annotation/${scope}/` : "/";

  window.config = {
    routerBasename: `/viewer/s/${scope}`,
    // On a reading task OHIF has our panel, which saves into the read.
    extensions: isTask ? ["/viewer/reading/extension.js"] : [],
    modes: isTask ? ["/viewer/reading/mode.js"] : [],
    // OHIF 3.13 gives up on a whole report when one of its findings has no place in an image, as answers have none.
    customizationService: [
      {
        "ohif.tours": { $set: [] },
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
