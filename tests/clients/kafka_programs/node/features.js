// node features.js SCENARIO...: runs the scenarios at once against the broker at KAFKA_BOOTSTRAP and prints for
// each one line `RESULT {"scenario": ..., "result": ...}`, or with `error` instead of `result`.
'use strict';

const { Bench } = require('./bench');

const scenarios = { ...require('./administration'), ...require('./producing'), ...require('./consuming') };

async function run(scenario) {
  const bench = new Bench(scenario);
  try {
    console.log('RESULT ' + JSON.stringify({ scenario, result: await scenarios[scenario](bench) }));
  } catch (error) {
    console.log('RESULT ' + JSON.stringify({ scenario, error: `${error.stack}` }));
  } finally {
    await bench.close();
  }
}

Promise.all(process.argv.slice(2).map(run)).then(() => process.exit(0));
