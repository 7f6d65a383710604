/**
 * Calls back when the pointer or the keyboard focus enters or leaves an element: its content should not move meanwhile.
 *
 * @param {HTMLElement} element
 * @param {(isPaused: boolean) => void} onChange
 */
export function pauseOnInteraction(element, onChange) {
  element.addEventListener("pointerenter", ({ pointerType }) => onChange(pointerType === "mouse"));
  element.addEventListener("pointerleave", () => onChange(false));
  element.addEventListener(
    "focusin",
    ({ target }) => onChange(target instanceof Element && target.matches(":focus-visible")),
  );
  element.addEventListener("focusout", () => onChange(false));
}
