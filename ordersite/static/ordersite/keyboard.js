// Unfold listens to clicks on elements that no key can reach. Make buttons of them.
const NATIVE = "a[href], button, input, select, textarea, summary, label, [tabindex]";

function reach(root) {
  for (const element of root.querySelectorAll("[x-on\\:click]")) {
    if (element.matches(NATIVE) || element.id === "changelist-filter-close") continue;
    element.tabIndex = 0;
    element.setAttribute("role", "button");
  }
}

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (!["Enter", " "].includes(event.key) || !target.matches("[x-on\\:click][role=button]:not(a[href])")) return;
  event.preventDefault();
  target.click();
});

// htmx and Alpine add elements later.
new MutationObserver(() => reach(document)).observe(document.documentElement, { childList: true, subtree: true });
reach(document);
