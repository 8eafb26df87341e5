// JSON read strictly: numbers are whole and exact (BigInt), a name stands once in an object, nothing follows the value.
// JSON.parse would round 2^53 + 1 and keep the last of two equal names; a proof must not have two readings.
// Objects become Maps, so that no name of a file means anything to JavaScript.

export class NotJsonError extends Error {}

const DEPTH_MAX = 16; // our formats have six
const DIGITS_MAX = 30; // 64 bits have nineteen
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const LITERALS = { true: true, false: false, null: null };

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
  }

  whole() {
    const value = this.value(0);
    this.space();
    if (this.at !== this.text.length) this.fail("something follows the value");
    return value;
  }

  fail(reason) {
    throw new NotJsonError(`${reason}, at character ${this.at + 1}`);
  }

  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (!found) return null;
    this.at = pattern.lastIndex;
    return found[0];
  }

  space() {
    this.take(SPACE);
  }

  next(sign) {
    this.space();
    if (this.text[this.at] !== sign) return false;
    this.at += 1;
    return true;
  }

  need(sign) {
    if (!this.next(sign)) this.fail(`${sign} is missing`);
  }

  value(depth) {
    if (depth > DEPTH_MAX) this.fail("nested too deep");
    this.space();
    const sign = this.text[this.at];
    if (sign === "{") return this.object(depth);
    if (sign === "[") return this.list(depth);
    if (sign === '"') return this.string();
    for (const [word, value] of Object.entries(LITERALS)) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return value;
      }
    }
    return this.number();
  }

  number() {
    const digits = this.take(NUMBER);
    if (digits === null) this.fail("no value");
    if (/[.eE]/.test(this.text[this.at] ?? "")) this.fail("not a whole number");
    if (digits.length > DIGITS_MAX) this.fail("a number is too long");
    return BigInt(digits);
  }

  object(depth) {
    const found = new Map();
    this.need("{");
    if (this.next("}")) return found;
    do {
      this.space();
      const name = this.string();
      if (found.has(name)) this.fail("a field stands twice in one object");
      this.need(":");
      found.set(name, this.value(depth + 1));
    } while (this.next(","));
    this.need("}");
    return found;
  }

  list(depth) {
    const found = [];
    this.need("[");
    if (this.next("]")) return found;
    do found.push(this.value(depth + 1));
    while (this.next(","));
    this.need("]");
    return found;
  }

  string() {
    if (this.text[this.at] !== '"') this.fail("a text is missing");
    this.at += 1;
    let found = "";
    for (;;) {
      found += this.take(PLAIN);
      const sign = this.text[this.at];
      this.at += 1;
      if (sign === '"') return found;
      if (sign !== "\\") this.fail("a text does not end");
      found += this.escaped();
    }
  }

  escaped() {
    const sign = this.text[this.at];
    this.at += 1;
    if (Object.hasOwn(ESCAPES, sign ?? "")) return ESCAPES[sign];
    const digits = this.text.slice(this.at, this.at + 4);
    if (sign !== "u" || !/^[0-9a-fA-F]{4}$/.test(digits)) this.fail("an unknown escape");
    this.at += 4;
    return String.fromCharCode(parseInt(digits, 16));
  }
}

/** Return the value that some bytes write in JSON; a NotJsonError says what is wrong. */
export function readJson(bytes) {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new NotJsonError("not text in UTF-8");
  }
  return new Reader(text).whole();
}
