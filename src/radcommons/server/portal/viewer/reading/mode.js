// The mode in which OHIF opens a reading task: the shipped segmentation mode with the panel of the read beside it.

export default {
  id: "radcommons.mode-reading",
  async modeFactory({ loadModules }) {
    const [segmentation] = await loadModules(["@ohif/mode-segmentation"]);
    const shipped = await segmentation.modeFactory({ modeConfiguration: undefined, loadModules });
    const [route] = shipped.routes;
    const { props } = route.layoutInstance;
    // The panels of segmentations would come to the front by themselves, and change what this one keeps.
    const rightPanels = ["radcommons.reading.panelModule.read"];
    return {
      ...shipped,
      id: "radcommons.mode-reading",
      routeName: "reading",
      displayName: "Reading",
      routes: [{ ...route, layoutInstance: { ...route.layoutInstance, props: { ...props, rightPanels } } }],
    };
  },
};
