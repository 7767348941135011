import { ImageMap } from "./shared/image-map.js";

const LISTED = 200; // names; a search finds the others

const element = (id) => document.getElementById(id);
const data = JSON.parse(element("data").textContent);
const all = data.x.map((_, one) => one);
const names = data.name.map((name) => name.toLowerCase());
const hidden = new Set(); // groups
let searched = "";

const map = new ImageMap(element("map"), {
  data,
  sprites: element("sprites"),
  colorOf: (one) => data.groups[data.group[one]]?.color,
  onDetails: showDetails,
  onSelect: markInList,
});

function filter() {
  const shown = all.filter((one) => !hidden.has(data.group[one]) && names[one].includes(searched));
  showList(shown);
  map.show(shown);
}

function markInList(one) {
  for (const button of element("list").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(Number(button.value) === one));
  }
}

function showDetails(one) {
  const details = element("details");
  if (one < 0) {
    details.replaceChildren(created("p", "Point at an image, or select one in the list."));
    return;
  }
  const group = data.groups.length ? data.groups[data.group[one]].name : "";
  details.replaceChildren(...(data.width[one] ? [enlarged(one)] : []), created("strong", data.name[one]),
    created("p", [group, data.size[one], data.id[one]].filter(Boolean).join(" · ")));
}

function enlarged(one) {
  const image = document.createElement("canvas");
  const [width, height] = [data.width[one], data.height[one]];
  const scale = 256 / Math.max(width, height);
  [image.width, image.height] = [width * scale * devicePixelRatio, height * scale * devicePixelRatio];
  image.style.width = `${width * scale}px`;
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", data.name[one]);
  const pen = image.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(element("sprites"), ...map.spriteOf(one), width, height, 0, 0, image.width, image.height);
  return image;
}

function created(tag, text) {
  const node = document.createElement(tag);
  node.textContent = text;
  return node;
}

function showList(shown) {
  const count = shown.length.toLocaleString("en");
  element("count").textContent = shown.length === 1 ? "1 image" : `${count} images`;
  const lines = [...shown].sort((a, b) => (names[a] < names[b] ? -1 : 1)).slice(0, LISTED).map((one) => {
    const [line, button] = [document.createElement("li"), created("button", data.name[one])];
    button.value = one;
    button.title = data.name[one];
    button.addEventListener("click", () => map.select(one, true));
    line.append(button);
    return line;
  });
  if (shown.length > LISTED) {
    const more = created("li", `and ${(shown.length - LISTED).toLocaleString("en")} more: search to narrow the list`);
    more.className = "more";
    lines.push(more);
  }
  element("list").replaceChildren(...lines);
}

function showLegend() {
  const lines = data.groups.map((group, code) => {
    const [line, button] = [document.createElement("li"), created("button", group.name)];
    button.style.setProperty("--color", group.color);
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hidden.delete(code)) hidden.add(code);
      button.setAttribute("aria-pressed", String(!hidden.has(code)));
      filter();
    });
    line.append(button);
    return line;
  });
  element("legend").replaceChildren(...lines);
}

element("search").addEventListener("input", (event) => {
  searched = event.target.value.trim().toLowerCase();
  filter();
});
element("zoom-in").addEventListener("click", () => map.zoomIn());
element("zoom-out").addEventListener("click", () => map.zoomOut());
element("fit").addEventListener("click", () => map.fit());
element("sprites").decode().then(() => map.requestDraw(), () => map.requestDraw());
showLegend();
filter();
