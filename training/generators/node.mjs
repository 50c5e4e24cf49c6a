// Draws with a generator of npm: node node.mjs GENERATOR FOLDER, a job a line on stdin, what was drawn on stdout.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";

const [, , name, folder] = process.argv;
const need = createRequire(path.join(folder, "package.json"));
const { createCanvas, GlobalFonts } = need("@napi-rs/canvas");

function seed(state) { // Math.random with a seed: mulberry32
  Math.random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const families = new Map();
function family(face) {
  if (!families.has(face)) {
    families.set(face, `face${families.size}`);
    GlobalFonts.registerFromPath(face, families.get(face));
  }
  return families.get(face);
}

function stub(id, exports) { // in the place of a package that fetches a binary when installed
  const file = need.resolve(id);
  need.cache[file] = { id: file, filename: file, loaded: true, exports };
}

function png(svg, job, height) {
  const { Resvg } = need("@resvg/resvg-js");
  const fit = height ? { fitTo: { mode: "height", value: height } } : {};
  return new Resvg(svg, { ...fit, font: { loadSystemFonts: false } }).render().asPng();
}

// A canvas that sets every font in the job's face, whichever family its package asks for.
function canvasOf(width, height, job) {
  const canvas = createCanvas(width, height);
  const context = canvas.getContext("2d");
  const fonts = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(context), "font");
  Object.defineProperty(context, "font", {
    get: () => fonts.get.call(context),
    set: (value) => fonts.set.call(context, value.replace(/px .*/, `px ${family(job.face)}`)),
  });
  canvas.getContext = () => context;
  return canvas;
}

const generators = {
  "svg-captcha"(job) {
    const package_ = need("svg-captcha");
    package_.loadFont(job.face);
    return [png(package_(job.text, job), job), job.text];
  },
  "ppfun-captcha"(job) {
    const package_ = need("ppfun-captcha");
    const { shown, text, face, ...options } = job;
    return [png(package_.createCaptcha(text, { ...options, font: package_.loadFont(face) }), job, shown), text];
  },
  async "trek-captcha"(job) {
    const { buffer, token } = await need("trek-captcha")({ size: job.text.length });
    return [buffer, token];
  },
  "captcha-canvas"(job) {
    class Canvas {
      constructor(width, height) {
        const canvas = canvasOf(width, height, job);
        canvas.toBufferSync = () => canvas.toBuffer("image/png");
        return canvas;
      }
    }
    skia.Canvas = Canvas;
    const { CaptchaGenerator } = need("captcha-canvas");
    const { text, size, skew, rotate, color, colors } = job;
    const generator = new CaptchaGenerator({ width: job.width, height: job.height });
    generator.setCaptcha({ text, size, skew, rotate, color, colors, characters: text.length });
    return [generator.setTrace(job.trace).setDecoy(job.decoy).generateSync(), text];
  },
  "react-simple-captcha"(job) {
    const canvas = canvasOf(100, 30, job);
    Object.defineProperty(canvas.getContext("2d"), "canvas", { value: canvas });
    globalThis.document = { getElementById: (id) => (id === "canv" ? canvas : {}) };
    const letters = job.text.split("");
    const drawn = [];
    const context = canvas.getContext("2d");
    const fillText = context.fillText.bind(context);
    context.fillText = (_, x, y) => fillText(drawn[drawn.push(letters[drawn.length]) - 1], x, y);
    react(letters.length, job.ground, job.ink);
    return [canvas.toBuffer("image/png"), job.text];
  },
  captchapng(job) {
    const Package = need("captchapng");
    const made = new Package(job.width, job.height, job.text);
    made.color(...job.ground, 255);
    made.color(...job.ink, 255);
    return [Buffer.from(made.getBase64(), "base64"), job.text];
  },
  captchapng2(job) {
    const Package = need("captchapng2");
    return [new Package(job.width, job.height, job.text).getBuffer(), job.text];
  },
  "haileybot-captcha-generator"(job) {
    classic.createCanvas = (width, height) => {
      const canvas = canvasOf(width, height, job);
      const context = canvas.getContext("2d");
      const fillText = context.fillText.bind(context);
      context.fillText = (text, x, y) => { // wider faces than its own shall fit as its own does
        const size = Math.round(90 * Math.min(1, 320 / context.measureText(text).width));
        context.font = `bold ${size}px face`;
        fillText(text, x, y);
      };
      return canvas;
    };
    const made = new (need("@haileybot/captcha-generator"))(job.height);
    const small = createCanvas(Math.round((400 * job.shown) / job.height), job.shown);
    small.getContext("2d").drawImage(made._canvas, 0, 0, small.width, small.height);
    return [small.toBuffer("image/png"), made.value];
  },
};

const skia = {};
const classic = { registerFont() {} };
if (name === "captcha-canvas") stub("skia-canvas", skia);
if (name === "haileybot-captcha-generator") stub("canvas", classic);
let react;
if (name === "react-simple-captcha") { // its drawing function alone: the rest needs a browser's React
  const source = fs.readFileSync(need.resolve("react-simple-captcha"), "utf8");
  const body = source.slice(source.indexOf("let captcha_value"), source.indexOf("export class"));
  react = new Function(`${body.replaceAll("export const", "const")}; return loadCaptchaEnginge;`)();
}
for await (const line of readline.createInterface({ input: process.stdin })) {
  const job = JSON.parse(line);
  seed(job.seed);
  const [bytes, text] = await generators[name](job);
  fs.writeFileSync(job.file, bytes);
  console.log(text);
}
