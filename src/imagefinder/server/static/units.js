// Units: sizes of files and dates, as people read them.

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** Bytes to two or three digits: 48.2 kB. */
export function fileSize(bytes) {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power ? 1 : 0)} ${UNITS[power]}`;
}

/** A day, of an ISO date and time: Mar 5, 2024. */
export const day = (moment) => new Date(moment).toLocaleDateString("en", { dateStyle: "medium" });
