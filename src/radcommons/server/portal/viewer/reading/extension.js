// The extension that OHIF loads on a reading task: one panel, which saves what is painted as the reader's own read.

import { connect } from "./panel.js";

export const ID = "radcommons.reading";

/** A React element of our own making: OHIF renders it, and what it names is a custom element that needs no React. */
function element(type) {
  return { $$typeof: Symbol.for("react.element"), type, key: null, ref: null, props: {}, _owner: null, _store: {} };
}

export default {
  id: ID,
  preRegistration({ servicesManager, commandsManager }) {
    connect(servicesManager.services, commandsManager);
  },
  getPanelModule() {
    return [{ name: "read", iconName: "tab-segmentation", iconLabel: "Read", label: "Your read", component: () => element("radcommons-read") }];
  },
};
