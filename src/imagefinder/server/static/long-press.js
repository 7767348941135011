// Long press: what a mouse shows where it points, a finger shows where it rests.

const HOLD = 450; // milliseconds

/** Call back when a finger rests on an element; the click that follows is no click. */
export function onLongPress(element, callback) {
  let timer = null;
  let isHeld = false;
  const stop = () => clearTimeout(timer);
  element.addEventListener("pointerdown", (event) => {
    isHeld = false;
    if (event.pointerType === "mouse") return;
    timer = setTimeout(() => {
      isHeld = true;
      callback();
    }, HOLD);
  });
  for (const kind of ["pointerup", "pointercancel", "pointermove"]) element.addEventListener(kind, stop);
  element.addEventListener("contextmenu", (event) => isHeld && event.preventDefault());
  element.addEventListener("click", (event) => isHeld && event.target.closest("a") && event.preventDefault(), true);
}

// a tap elsewhere puts the actions away
addEventListener("pointerdown", ({ target }) => {
  for (const card of document.querySelectorAll(".held")) if (!card.contains(target)) card.classList.remove("held");
});
