/**
 * Reports when an element is in use: the pointer is over it, or the keyboard focus is in it. Its content should not move
 * meanwhile.
 *
 * @param {HTMLElement} element
 * @param {(isPaused: boolean) => void} onChange
 */
export function pauseOnInteraction(element, onChange) {
  // Two flags, because a click focuses a button without :focus-visible. The pause must outlast it, or the click would miss.
  let hasPointer = false;
  let hasFocus = false;
  const update = () => onChange(hasPointer || hasFocus);
  element.addEventListener("pointerenter", ({ pointerType }) => {
    hasPointer = pointerType === "mouse";
    update();
  });
  element.addEventListener("pointerleave", () => {
    hasPointer = false;
    update();
  });
  element.addEventListener("focusin", ({ target }) => {
    hasFocus = target instanceof Element && target.matches(":focus-visible");
    update();
  });
  element.addEventListener("focusout", () => {
    hasFocus = false;
    update();
  });
}
