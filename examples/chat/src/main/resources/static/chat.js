// A chat over POST /v1/chat/completions. Text from the model and the user is only ever set as textContent.

const suggestions = [
  "My name is Clara.",
  "I have a cat called Milo.",
  "What is my cat called?",
  "What is 12 plus 15?",
  "How does your memory work?",
  "Extract name, city as JSON: Clara is 34 years old, lives in Lisbon and works as a baker.",
  "Who runs the museum?\nAnswer using the following information:\nThe museum opened in 1904. Jonas runs the museum.",
  "What can you do?",
];

const element = (id) => document.getElementById(id);
const [log, welcome, form, text, send, stop] = ["log", "welcome", "form", "text", "send", "stop"].map(element);

let model; // what /api/model says
let messages = []; // the conversation, as the endpoint takes it
let running; // the AbortController of the answer that is being written

async function loadModel() {
  const { info, demo } = await (await request("/api/model")).json();
  model = info.name;
  const size = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(info.parameters);
  const facts = [demo ? "Demo model" : info.name, info.generation, `${size} parameters`, info.implementation];
  element("model").replaceChildren(...facts.map(fact));
  element("state").textContent = `${bytes(info.stateBytes)}, always`;
  element("state").title = "The whole past of a conversation is one state whose size never changes.";
  if (demo) {
    element("demo").hidden = false;
    element("suggestions").replaceChildren(...suggestions.map(suggestion));
  }
}

function fact(words) {
  const span = document.createElement("span");
  span.textContent = words;
  return span;
}

function suggestion(words) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words.split("\n")[0];
  button.title = words;
  button.addEventListener("click", () => ask(words));
  const item = document.createElement("li");
  item.append(button);
  return item;
}

function bytes(count) {
  return count < 1048576 ? `${Math.round(count / 1024)} KB` : `${(count / 1048576).toFixed(1)} MB`;
}

async function request(url, options) {
  let response;
  try {
    response = await fetch(url, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new Error("The server can't be reached. Is it running?");
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new Error(body.error?.message ?? `The server answered with status ${response.status}.`);
  }
  return response;
}

function show(role, words) {
  const message = document.createElement("article");
  message.className = `message ${role}`;
  message.setAttribute("aria-label", role === "user" ? "You" : "Model");
  const paragraph = document.createElement("p");
  paragraph.textContent = words;
  message.append(paragraph);
  log.append(message);
  message.scrollIntoView({ block: "end" });
  return message;
}

function note(message, words) {
  const line = document.createElement("span");
  line.className = "note";
  line.textContent = words;
  message.append(line);
  message.scrollIntoView({ block: "end" });
}

async function ask(words) {
  if (running || !words.trim()) {
    return;
  }
  welcome.hidden = true;
  text.value = "";
  show("user", words);
  messages.push({ role: "user", content: words });
  const answer = show("assistant", "");
  answer.classList.add("pending");
  setRunning(new AbortController());
  const asked = running;
  const paragraph = answer.querySelector("p");
  try {
    await stream(asked.signal, (piece) => {
      const following = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
      paragraph.textContent += piece;
      if (following) {
        answer.scrollIntoView({ block: "end" });
      }
    });
  } catch (error) {
    if (asked.signal.aborted) {
      note(answer, "Stopped");
    } else {
      answer.classList.add("error");
      note(answer, error.message);
    }
  }
  answer.classList.remove("pending");
  if (running === asked) {
    // An answer that never began leaves no trace in the conversation: its question can be asked again.
    paragraph.textContent ? messages.push({ role: "assistant", content: paragraph.textContent }) : messages.pop();
    setRunning(undefined);
  }
}

async function stream(signal, onPiece) {
  const response = await request("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  for await (const { error, choices, usage } of events(response.body)) {
    if (error) {
      throw new Error(error.message);
    }
    const piece = choices[0]?.delta.content;
    if (piece) {
      onPiece(piece);
    }
    if (usage) {
      element("tokens").textContent = `${usage.total_tokens.toLocaleString("en")} tokens`;
      element("speed").textContent = `${Math.round(usage.tokens_per_second).toLocaleString("en")} tokens/s`;
    }
  }
}

/** The JSON of each server-sent event, until the one that says [DONE]. */
async function* events(body) {
  let rest = "";
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + part).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (line === "data: [DONE]") {
        return;
      }
      if (line.startsWith("data: ")) {
        yield JSON.parse(line.slice("data: ".length));
      }
    }
  }
  throw new Error("The connection ended before the answer did.");
}

function setRunning(controller) {
  running = controller;
  stop.hidden = !running;
  send.hidden = Boolean(running);
  send.disabled = !text.value.trim();
  if (!running) {
    text.focus();
  }
}

function startAgain() {
  const stopped = running;
  setRunning(undefined);
  stopped?.abort();
  messages = [];
  log.querySelectorAll(".message").forEach((message) => message.remove());
  welcome.hidden = false;
  element("tokens").textContent = "0 tokens";
  element("speed").textContent = "–";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(text.value);
});
text.addEventListener("input", () => {
  send.disabled = !text.value.trim();
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    running?.abort();
  }
});
stop.addEventListener("click", () => running?.abort());
element("new").addEventListener("click", startAgain);

send.disabled = true;
loadModel().catch((error) => {
  element("model").textContent = error.message;
});
