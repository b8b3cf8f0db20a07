// Calls an API of AWS in a region of choice, by the SDK that the runtime brings along.
const capital = (word) => word[0].toUpperCase() + word.slice(1);

// Streams become text; all else is as JSON has it.
const plain = async (result) => {
  const { $metadata, ...output } = result;
  for (const [name, value] of Object.entries(output)) {
    if (value && typeof value.transformToString === "function") {
      output[name] = await value.transformToString();
    }
  }
  return JSON.parse(JSON.stringify(output, (_, value) => (typeof value === "bigint" ? Number(value) : value)));
};

exports.handler = async ({ service, action, region, endpoint, parameters }) => {
  const sdk = require(`@aws-sdk/client-${service.toLowerCase()}`);
  const command = sdk[`${capital(action)}Command`];
  const client = Object.keys(sdk).find((name) => /^[A-Z].*Client$/.test(name));
  if (!command || !client) {
    throw new Error(`${service} has no API ${action}`);
  }
  return plain(await new sdk[client]({ region, endpoint }).send(new command(parameters ?? {})));
};
