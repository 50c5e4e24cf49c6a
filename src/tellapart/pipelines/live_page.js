"use strict";
// The page is written anew after each epoch; a reload keeps where one has scrolled to.
const SECONDS = 3;
const button = document.querySelector("#pause");
let timer = setInterval(() => location.reload(), 1000 * SECONDS);

button.addEventListener("click", () => {
  if (timer) {
    clearInterval(timer);
    timer = 0;
  } else {
    location.reload();
  }
  button.textContent = timer ? "Pause" : "Go on";
});
