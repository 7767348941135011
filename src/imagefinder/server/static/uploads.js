// Upload store: query images kept in memory while the page is open.

const uploads = [];

/** Store a file; returns its number for the URL. */
export const storeUpload = (file) => uploads.push({ file, url: URL.createObjectURL(file) }) - 1;

/** `{file, url}` of a number, or undefined after a reload. */
export const getUpload = (number) => uploads[number];
