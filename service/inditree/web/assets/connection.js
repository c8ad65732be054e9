// The WebSocket to the router: comes back by itself, and knows when nothing is heard any more.

const SILENCE = 7000; // ms; the router says its status every two seconds
const DELAYS = [250, 500, 1000, 2000, 4000];

// `on` has `open()`, `message(object)` and `state(word)`: connecting, live, lost.
export class Connection {
  constructor(url, on, { socket = WebSocket, clock = () => Date.now() } = {}) {
    this._url = url;
    this._on = on;
    this._make = socket;
    this._clock = clock;
    this._tries = 0;
    this._timer = null;
    this.state = "connecting";
    this.lostAt = 0;
  }

  start() {
    this._open();
    this._watch = setInterval(() => this.look(), 1000);
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
  }

  // Send an object; false where it could not be sent.
  send(message) {
    if (this._socket?.readyState !== 1) return false;
    this._socket.send(JSON.stringify(message));
    return true;
  }

  // Try at once, where it waits for its next try.
  hurry() {
    this.look();
    if (this._timer !== null) {
      clearTimeout(this._timer);
      this._open();
    }
  }

  // Nothing heard for long: it is lost, whatever the browser believes.
  look() {
    if (this._socket && this._clock() - this._heard > SILENCE) this._lose();
  }

  _open() {
    this._timer = null;
    const socket = (this._socket = new this._make(this._url));
    this._heard = this._clock();
    socket.onopen = () => {
      this._heard = this._clock();
      this._on.open();
    };
    socket.onmessage = (event) => {
      if (socket !== this._socket) return;
      this._heard = this._clock();
      this._tries = 0;
      this._become("live");
      this._on.message(JSON.parse(event.data));
    };
    socket.onclose = () => socket === this._socket && this._lose();
    socket.onerror = () => {};
  }

  _lose() {
    const socket = this._socket;
    this._socket = null;
    socket.onclose = null;
    socket.close();
    if (this.state === "live") this.lostAt = this._clock();
    this._become("lost");
    const delay = DELAYS[Math.min(this._tries++, DELAYS.length - 1)];
    this._timer = setTimeout(() => this._open(), delay * (0.75 + Math.random() / 2));
  }

  _become(state) {
    if (state === this.state) return;
    this.state = state;
    this._on.state(state);
  }
}
