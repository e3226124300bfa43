// Keeps the test videos of a subject's methods in step with a slider and a strip of figures.
"use strict";
const COLORS = ["#2f6fce", "#d9822b", "#23a06b", "#a05bd6", "#c94f5d", "#6b7a8f", "#12a5b8", "#b39b1f"];
const SVG = "http://www.w3.org/2000/svg";
for (const card of document.querySelectorAll(".player")) {
  const told = JSON.parse(card.querySelector("script").textContent);
  const count = told.frames.length;
  const figures = [...card.querySelectorAll(".stage figure")];
  const videos = figures.map((figure) => figure.querySelector("video"));
  const buttons = [...card.querySelectorAll(".switch button")];
  const [play, slider, output] = ["button.play", "input", "output"].map((s) => card.querySelector(s));
  const [select, strip, legend] = ["select", ".strip", ".legend"].map((s) => card.querySelector(s));
  let frame = 0;
  let playing = false;
  const seen = () => videos.filter((_, k) => !figures[k].hidden);
  const wake = () => {
    for (const video of seen()) if (video.preload === "none") { video.preload = "auto"; video.load(); }
  };
  // The middle of a frame: its very beginning may be rounded to the frame before.
  const seek = (video) => { video.currentTime = (frame + 0.5) / told.fps; };
  const words = (k) => {
    const value = (told.methods[k].values[select.value] || [])[frame];
    return `${told.methods[k].name} ${value === null || value === undefined ? "–" : value}`;
  };
  const tell = () => {
    slider.value = frame;
    output.textContent = `frame ${told.frames[frame]}`;
    const cursor = strip.querySelector("line");
    if (cursor) for (const end of ["x1", "x2"]) cursor.setAttribute(end, place(frame));
    legend.replaceChildren(...told.methods.map((_, k) => {
      const item = document.createElement("span");
      const spot = document.createElement("i");
      spot.style.background = COLORS[k % COLORS.length];
      item.append(spot, words(k));
      return item;
    }));
  };
  const place = (k) => (count > 1 ? (1000 * k) / (count - 1) : 500);
  const draw = () => {
    const curves = told.methods.map((method) => method.values[select.value] || []);
    const known = curves.flat().filter((value) => value !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const lines = curves.map((curve, k) => {
      const path = document.createElementNS(SVG, "path");
      let pen = "M";
      const steps = [];
      curve.forEach((value, index) => {
        if (value === null) { pen = "M"; return; }
        const y = high > low ? 112 - (104 * (value - low)) / (high - low) : 60;
        steps.push(`${pen}${place(index).toFixed(1)} ${y.toFixed(1)}`);
        pen = "L";
      });
      path.setAttribute("d", steps.join(""));
      path.setAttribute("stroke", COLORS[k % COLORS.length]);
      path.setAttribute("opacity", figures[k].hidden ? 0.35 : 1);
      return path;
    });
    const cursor = document.createElementNS(SVG, "line");
    cursor.setAttribute("y1", 0);
    cursor.setAttribute("y2", 120);
    strip.replaceChildren(...lines, cursor);
    tell();
  };
  const go = (to) => {
    frame = Math.max(0, Math.min(count - 1, Math.round(to)));
    wake();
    for (const video of seen()) seek(video);
    tell();
  };
  const stop = () => {
    playing = false;
    play.textContent = "▶";
    for (const video of videos) video.pause();
  };
  const follow = () => {
    if (!playing) return;
    const [first, ...others] = seen();
    frame = Math.min(count - 1, Math.floor(first.currentTime * told.fps + 0.01));
    for (const video of others) {
      if (Math.abs(video.currentTime - first.currentTime) > 1.5 / told.fps) video.currentTime = first.currentTime;
    }
    tell();
    if (first.ended) { stop(); return; }
    requestAnimationFrame(follow);
  };
  play.addEventListener("click", () => {
    if (playing) { stop(); go(frame); return; }
    wake();
    if (frame >= count - 1) frame = 0;
    for (const video of seen()) seek(video);
    playing = true;
    play.textContent = "❚❚";
    Promise.all(seen().map((video) => video.play())).then(follow, stop);
  });
  slider.addEventListener("input", () => { if (playing) stop(); go(Number(slider.value)); });
  strip.addEventListener("click", (event) => {
    const box = strip.getBoundingClientRect();
    if (playing) stop();
    go(((event.clientX - box.left) / box.width) * (count - 1));
  });
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const chosen = button.dataset.show;
      const was = playing;
      stop();
      for (const other of buttons) other.setAttribute("aria-pressed", other === button);
      figures.forEach((figure, k) => { figure.hidden = chosen !== "all" && Number(chosen) !== k; });
      go(frame);
      draw();
      if (was) play.click();
    });
  }
  select.addEventListener("change", draw);
  draw();
}
