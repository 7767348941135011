// Images that were dropped, pasted, chosen or photographed: kept while the page is open, so that
// Back finds them again.

const kept = [];

/** Keep a file; its number, for the address. */
export const keep = (file) => kept.push({ file, url: URL.createObjectURL(file) }) - 1;

/** What was kept under a number: `{file, url}`, or undefined after the page was loaded anew. */
export const upload = (number) => kept[number];
