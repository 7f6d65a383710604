/**
 * Tells when somebody points at an element or walks through it: what they look at should not move away.
 *
 * @param {HTMLElement} element The element.
 * @param {(isHeld: boolean) => void} tell Told when that begins, and when it ends.
 */
export function watchHold(element, tell) {
  element.addEventListener("pointerenter", ({ pointerType }) => tell(pointerType === "mouse"));
  element.addEventListener("pointerleave", () => tell(false));
  element.addEventListener(
    "focusin",
    ({ target }) => tell(target instanceof Element && target.matches(":focus-visible")),
  );
  element.addEventListener("focusout", () => tell(false));
}
