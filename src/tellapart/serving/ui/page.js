() => {
  // The box for corrections offers the classes that the model knows.
  const offer = () => {
    const box = document.querySelector("#right input");
    if (box && document.getElementById("known-labels")?.children.length) box.setAttribute("list", "known-labels");
    else if (!box) setTimeout(offer, 100);
  };
  offer();
  // A button's name holds what is written on it, and no button holds another thing that takes the focus.
  const name = () => {
    for (const each of document.querySelectorAll("button[aria-label]")) {
      const text = each.innerText.trim().replace(/\s+/g, " ");
      const label = each.getAttribute("aria-label");
      if (text && !label.includes(text)) each.setAttribute("aria-label", `${text} (${each.dataset.label ?? label})`);
      each.dataset.label ??= label;
    }
    for (const each of document.querySelectorAll("button:has(> * button):not([role])")) {
      each.setAttribute("role", "group");
      each.tabIndex = -1;
      for (const one of [each, ...each.querySelectorAll("button")]) {
        one.setAttribute("aria-label", "Add pictures");
        one.title = "Add pictures";
      }
    }
  };
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true, characterData: true });
  name();
  // Ctrl-V anywhere on the page gives the picture that was copied to the tab that is shown.
  const shown = (selector) => [...document.querySelectorAll(selector)].find((each) => each.closest("[hidden]") === null);
  const give = (file, tries) => {
    const several = document.querySelector("#files")?.offsetParent;
    const place = several ? "#files" : "#picture";
    const input = shown(`${place} input[type=file]`);
    if (input) {
      const given = new DataTransfer();
      given.items.add(file);
      input.files = given.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    if (tries === 0) shown(`${place} button[aria-label="Clear"], ${place} button[aria-label="Remove Image"]`)?.click();
    else shown(`${place} button[aria-label*="Upload file"]`)?.click(); // it waits for the clipboard or the camera, perhaps
    if (tries < 100) setTimeout(() => give(file, tries + 1), 50);
  };
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
    if (!file) return;
    event.preventDefault();
    event.stopPropagation();
    give(file, 0);
  }, true);
}
