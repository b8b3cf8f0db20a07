// Times node's jsonata: prints "expression document microseconds" per line.
// usage: node speed.js SPEED.JSON DOCUMENT.json …
const fs = require("fs");
const path = require("path");
const jsonata = require("jsonata");

const BATCH_MS = 4;
const BATCHES = 7;

async function batch(call) {
  const start = process.hrtime.bigint();
  let calls = 0;
  let taken = 0;
  while (taken < BATCH_MS * 1e6) {
    await call();
    calls += 1;
    taken = Number(process.hrtime.bigint() - start);
  }
  return taken / calls / 1000;
}

async function main([speedFile, ...documentFiles]) {
  const speed = JSON.parse(fs.readFileSync(speedFile, "utf8"));
  const documents = {};
  for (const file of documentFiles) {
    documents[path.basename(file, ".json")] = JSON.parse(fs.readFileSync(file, "utf8"));
  }
  for (const { name, expr, results } of speed.expressions) {
    for (const document of Object.keys(results)) {
      if (!(document in documents)) continue;
      const expression = jsonata(expr);
      const bindings = { states: { input: documents[document] } };
      const call = () => expression.evaluate(undefined, bindings);
      let best = Infinity;
      for (let n = 0; n < BATCHES; n += 1) best = Math.min(best, await batch(call));
      console.log(`${name} ${document} ${best}`);
    }
  }
}

main(process.argv.slice(2));
