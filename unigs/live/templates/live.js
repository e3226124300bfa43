// The page of `unigs live`: watches by WebRTC, sends text, files and the microphone's sound.
"use strict";

const RATE = 48000;
const $ = (id) => document.getElementById(id);
const live = { connection: null, stream: null, microphone: null, transit: 0, before: {}, delays: {} };

function tell(sentence, wrong = false) {
  $("status").textContent = sentence;
  $("status").classList.toggle("error", wrong);
}

// Ask the server; what it refuses, it refuses in a sentence.
async function ask(path, body, type = "application/json") {
  const json = type === "application/json";
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": type },
    body: json ? JSON.stringify(body ?? {}) : body,
  });
  const value = await answer.json().catch(() => ({ error: `the server failed (${answer.status}).` }));
  if (!answer.ok) throw new Error(value.error);
  return value;
}

async function trying(work) {
  try {
    tell("");
    await work();
  } catch (error) {
    tell(error.message, true);
  }
}

async function watch() {
  const connection = new RTCPeerConnection({ iceServers: [] });
  live.connection = connection;
  for (const kind of ["video", "audio"]) {
    const { receiver } = connection.addTransceiver(kind, { direction: "recvonly" });
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0;
  }
  live.stream = new MediaStream();
  connection.ontrack = (event) => {
    live.stream = event.streams[0] ?? live.stream;
    $("picture").srcObject = live.stream;
    $("picture").play().catch(() => {});
  };
  connection.onconnectionstatechange = () => {
    if (connection.connectionState === "connected") tell("");
    if (["failed", "disconnected"].includes(connection.connectionState)) again(connection);
  };
  try {
    await connection.setLocalDescription();
    const answer = await ask("offer", { sdp: connection.localDescription.sdp });
    await connection.setRemoteDescription(answer);
  } catch (error) {
    connection.close();
    throw error;
  }
}

function again(connection) {
  if (connection !== live.connection) return;
  connection.close();
  tell("The connection was lost: trying again.", true);
  setTimeout(start, 1000);
}

function start() {
  watch().catch((error) => {
    tell(error.message, true);
    setTimeout(start, 3000);
  });
}

// A microphone from the click on. While the browser still asks, a second click ends it, too.
async function speakInto() {
  if (!navigator.mediaDevices) {
    throw new Error("browsers give a microphone to https and to pages of this machine alone: open the page as one of these.");
  }
  const session = { media: null, context: null, socket: null, ended: false };
  session.stop = () => {
    session.ended = true;
    session.media?.getTracks().forEach((track) => track.stop());
    if (session.context && session.context.state !== "closed") session.context.close();
    session.socket?.close();
    if (live.microphone !== session) return;
    live.microphone = null;
    $("microphone").setAttribute("aria-pressed", "false");
    hearing();
  };
  live.microphone = session;
  try {
    await wire(session);
  } catch (error) {
    const wanted = !session.ended;
    session.stop();
    if (wanted) throw error;
  }
}

async function wire(session) {
  session.media = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  if (session.ended) return session.stop();
  hearing();
  const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/microphone`);
  Object.assign(session, { context, socket });
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("the microphone is taken, or the server is gone."));
  });
  socket.onclose = session.stop;
  socket.onmessage = (event) => {
    live.transit = performance.now() - Number(event.data);
  };
  await context.audioWorklet.addModule("microphone.js");
  if (session.ended) return;
  const node = new AudioWorkletNode(context, "microphone", { numberOfOutputs: 0, channelCount: 1,
    channelCountMode: "explicit" });
  node.port.onmessage = (event) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(event.data);
  };
  context.createMediaStreamSource(session.media).connect(node);
  $("microphone").setAttribute("aria-pressed", "true");
}

// One's own voice would come back late, and through the loudspeaker into the microphone again.
function hearing() {
  $("picture").muted = !live.listening || Boolean(live.microphone?.media);
  $("listen").textContent = live.listening ? "Sound off" : "Sound on";
}

// Mean milliseconds that pictures or sound waited in this browser since the last look.
function waited(report) {
  const before = live.before[report.kind] ?? {};
  live.before[report.kind] = report;
  const share = (total, count) => {
    const many = (report[count] ?? 0) - (before[count] ?? 0);
    return many > 0 ? (1000 * ((report[total] ?? 0) - (before[total] ?? 0))) / many : 0;
  };
  return share("jitterBufferDelay", "jitterBufferEmittedCount") +
    (report.kind === "video" ? share("totalDecodeTime", "framesDecoded") : 0);
}

async function figures() {
  const state = await (await fetch("state")).json();
  const delays = { network: 0, video: 0, audio: 0 };
  for (const report of (await live.connection.getStats()).values()) {
    if (report.type === "candidate-pair" && report.nominated) {
      delays.network = (1000 * (report.currentRoundTripTime ?? 0)) / 2;
    }
    if (report.type === "inbound-rtp") delays[report.kind] = waited(report);
  }
  const { context, socket } = live.microphone ?? {};
  if (socket?.readyState === WebSocket.OPEN) socket.send(String(performance.now()));
  const input = context ? 10 + 1000 * (context.baseLatency ?? 0) + live.transit / 2 : 0;
  live.delays = { ...delays, input, server: state.sound_to_picture_ms };
  live.state = state;
  const parts = [`${state.viewers} watching`];
  if (state.saying) parts.push(`saying ${state.saying}`);
  if (state.queued_seconds) parts.push(`${state.queued_seconds.toFixed(1)} s queued`);
  if (context && state.sound_to_picture_ms !== null) {
    const whole = input + state.sound_to_picture_ms + delays.network + delays.video;
    live.latency = whole;
    parts.push(`from sound in to picture out ${Math.round(whole)} ms (${Math.round(state.sound_to_picture_ms)} of them in the server)`);
  }
  $("figures").textContent = parts.join(", ");
}

$("words").onsubmit = (event) => {
  event.preventDefault();
  trying(async () => {
    const text = $("text").value;
    await ask("say", { text });
    // Meanwhile the next one may have been begun.
    if ($("text").value === text) $("text").value = "";
  });
};
$("file").onchange = () => trying(async () => {
  const [file] = $("file").files;
  $("file").value = "";
  if (file) await ask(`sound?name=${encodeURIComponent(file.name)}`, file, "application/octet-stream");
});
$("interrupt").onclick = () => trying(() => ask("interrupt"));
$("listen").onclick = () => {
  live.listening = !live.listening;
  hearing();
};
$("microphone").onclick = () => (live.microphone ? live.microphone.stop() : trying(speakInto));
setInterval(() => figures().catch(() => {}), 1000);
start();
