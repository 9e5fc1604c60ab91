/** What is cut off at its end ("…") is told whole, as a title, to a pointer that rests on it. */

const REST = 200;

/** Ends with the function that it returns. */
export function tellWhole(): () => void {
  let timer: ReturnType<typeof setTimeout>;
  const over = ({ target }: MouseEvent) => {
    clearTimeout(timer);
    // Later, and once: asking for widths makes the browser lay the page out.
    timer = setTimeout(() => target instanceof HTMLElement && tell(target), REST);
  };
  document.addEventListener("mouseover", over, { passive: true });
  return () => {
    clearTimeout(timer);
    document.removeEventListener("mouseover", over);
  };
}

function tell(element: HTMLElement): void {
  const cut = element.scrollWidth > element.clientWidth && getComputedStyle(element).textOverflow === "ellipsis";
  if (cut && !element.title) element.title = element.textContent ?? "";
}
