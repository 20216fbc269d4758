// Reload while something is being built, but not while rows are selected: the selection would be lost.
setTimeout(() => {
  const working = [...document.querySelectorAll("td.field-state_shown")].some((cell) => /building|comparing/i.test(cell.innerText));
  if (working && !document.querySelector("input.action-select:checked")) location.reload();
}, 2000);
