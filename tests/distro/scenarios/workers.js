#!/usr/bin/node
// SPDX-License-Identifier: MIT
// node: worker threads, child processes, streams and files.
const { Worker, isMainThread, parentPort, workerData } = require("worker_threads");
const { spawn, fork, execFile } = require("child_process");
const { pipeline } = require("stream/promises");
const crypto = require("crypto"), fs = require("fs"), zlib = require("zlib"), net = require("net");

function primes(from, to) {
    let n = 0;
    for (let i = Math.max(2, from); i < to; i++) {
        let is = true;
        for (let d = 2; d * d <= i && is; d++) is = i % d !== 0;
        n += is;
    }
    return n;
}

const ended = (c) => new Promise((r) => c.on("exit", (code, signal) => r(signal || code)));
const text = async (s) => { let t = ""; for await (const d of s) t += d; return t; };

async function main() {
    const counter = new SharedArrayBuffer(4);
    const results = await Promise.all([0, 1, 2, 3].map((i) => new Promise((r) =>
        new Worker(__filename, { workerData: { i, counter } }).on("message", r))));
    console.log("workers", results.join(), Atomics.load(new Int32Array(counter), 0));

    const sh = spawn("sh", ["-c", "cat; echo error >&2; exit 3"]);
    sh.stdin.end("input");
    const [out, err, code] = await Promise.all([text(sh.stdout), text(sh.stderr), ended(sh)]);
    console.log("spawn", out, err.trim(), code);
    const sleeper = spawn("sleep", ["60"]);
    sleeper.kill();
    console.log("killed", await ended(sleeper));
    const child = fork(__filename, ["child"]);
    child.send({ n: 20 });
    console.log("fork", await new Promise((r) => child.on("message", r)), await ended(child));
    console.log("many", (await Promise.all([...Array(10).keys()].map((i) => new Promise((r) =>
        execFile("expr", [`${i}`, "*", "2"], (e, o) => r(o.trim())))))).join());

    const big = crypto.createHash("sha256");
    fs.writeFileSync("big", Buffer.alloc(3000000, "abc"));
    await pipeline(fs.createReadStream("big"), zlib.createGzip(), fs.createWriteStream("big.gz"));
    await pipeline(fs.createReadStream("big.gz"), zlib.createGunzip(), big);
    console.log("pipeline", big.digest("hex").slice(0, 16));
    await Promise.all([...Array(50).keys()].map((i) => fs.promises.writeFile(`f${i}`, `${i}`)));
    const read = await Promise.all([...Array(50).keys()].map((i) => fs.promises.readFile(`f${i}`, "utf8")));
    console.log("files", read.reduce((a, b) => a + +b, 0));

    const server = net.createServer((c) => c.pipe(c)).listen("socket");
    const client = net.connect("socket");
    client.end("echoed");
    console.log("socket", await text(client));
    server.close();
    const key = await new Promise((r) => crypto.pbkdf2("p", "s", 1000, 16, "sha256", (e, k) => r(k.toString("hex"))));
    console.log("pool", key);
    const started = Date.now();
    await new Promise((r) => setTimeout(r, 50));
    console.log("timer", Date.now() - started >= 49);
    process.on("SIGUSR2", () => { console.log("signal"); process.exit(4); });
    process.kill(process.pid, "SIGUSR2");
    setTimeout(() => {}, 10000);
}

if (!isMainThread) {
    const v = new Int32Array(workerData.counter);
    for (let i = 0; i < 10000; i++) Atomics.add(v, 0, 1);
    parentPort.postMessage(primes(workerData.i * 20000, (workerData.i + 1) * 20000));
} else if (process.argv[2] === "child") {
    process.on("message", ({ n }) => { process.send(primes(0, n)); process.disconnect(); });
} else {
    main();
}
