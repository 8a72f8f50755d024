// Which series of a case are shown, and how one is had: the description of its images, and the store that loads them.

import { LoadError, fetchMetadata } from "../reading/dicomweb.js";
import { FrameStore } from "../reading/frames.js";
import { imagesOf } from "../reading/images.js";

const WITHOUT_PICTURES = new Set(["SR", "KO", "PR", "DOC", "RTSTRUCT", "SEG"]);

/** Which series the hanging protocol shows first: the largest of the case, and beside it a prior or a second series. */
export function hungSeries(task) {
  const pictures = task.series.filter(({ modality }) => !WITHOUT_PICTURES.has(modality));
  const bySize = (list) => [...list].sort((a, b) => (b.image_count ?? 0) - (a.image_count ?? 0));
  const own = bySize(pictures.filter((one) => !one.is_prior));
  const priors = bySize(pictures.filter((one) => one.is_prior));
  const layout = task.hanging?.layout ?? "one";
  const second = layout === "prior" ? priors[0] : layout === "two" ? (own[1] ?? priors[0]) : undefined;
  return [own[0] ?? priors[0], second].filter(Boolean);
}

/** Images and frame store of a series; ahead of a page that shows them, the first frame is asked for at once. */
export async function loadSeries(place, series, { isAhead = false } = {}) {
  const at = { root: place.root, study: series.study_instance_uid, series: series.series_instance_uid };
  // Its workers start while the description of the series is on its way.
  const frames = new FrameStore(() => {});
  try {
    const images = imagesOf(await fetchMetadata(at));
    if (images.length === 0) throw new LoadError("missing", "This series holds no pictures. Choose another series.");
    const base = `${at.root}/studies/${at.study}/series/${at.series}/instances`;
    frames.open(images, (image) => `${base}/${image.sopInstanceUid}/frames/${image.frameNumber}`);
    if (isAhead) frames.focus(0, 1);
    return { images, frames };
  } catch (error) {
    frames.close();
    throw error;
  }
}

/** Have the images of a case begin to load: of the next one while the reader still thinks about this one. */
export async function readAhead(task) {
  const [series] = hungSeries(task);
  return series ? loadSeries({ root: task.dicomweb_root }, series, { isAhead: true }) : undefined;
}
