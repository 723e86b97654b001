// Convex's own clients, driven by lines of JSON.
//
// A line {id, do, ...} is answered by {id, value} or {id, error}; answers come in any order. What
// happens unasked is a line {event, ...}. Values are in Convex's own JSON encoding.

import { createInterface } from "node:readline";
import { ConvexClient, ConvexHttpClient } from "convex/browser";
import { makeFunctionReference } from "convex/server";
import { ConvexError, convexToJson, jsonToConvex } from "convex/values";

const clients = new Map();
const subscriptions = new Map();
// What the clients log is not what is tested, and stdout is for the answers.
const silent = { logVerbose() {}, log() {}, warn() {}, error() {} };

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function told(error) {
  const data = error instanceof ConvexError ? { data: convexToJson(error.data) } : {};
  return { message: String(error?.message ?? error), ...data };
}

process.on("uncaughtException", (error) => say({ event: "uncaught", error: told(error) }));

function called(kind) {
  return async ({ client, path, args }) => {
    const given = jsonToConvex(args ?? {});
    return convexToJson((await clients.get(client)[kind](makeFunctionReference(path), given)) ?? null);
  };
}

/** What every subscription of a client holds at this moment. */
function view(client) {
  const found = {};
  for (const [name, subscription] of subscriptions) {
    if (subscription.client !== client) continue;
    try {
      const value = subscription.current();
      if (value !== undefined) found[name] = convexToJson(value);
    } catch (error) {
      found[name] = { failed: told(error) };
    }
  }
  return found;
}

const commands = {
  openHttp: ({ client, url, auth }) => {
    const options = { logger: silent, ...(auth ? { auth } : {}) };
    clients.set(client, new ConvexHttpClient(url, options));
  },
  open: ({ client, url }) => {
    clients.set(client, new ConvexClient(url, { logger: silent, unsavedChangesWarning: false }));
  },
  closeAll: async () => {
    for (const client of clients.values()) await client.close?.();
    clients.clear();
    subscriptions.clear();
  },

  query: called("query"),
  mutation: called("mutation"),
  action: called("action"),
  consistentQuery: called("consistentQuery"),

  setHttpAuth: ({ client, token }) => clients.get(client).setAuth(token),
  clearHttpAuth: ({ client }) => clients.get(client).clearAuth(),
  setAdminAuth: ({ client, key, identity }) => clients.get(client).setAdminAuth(key, identity),

  // The client asks for a token when it has none, and again whenever one was refused or expires:
  // the last of them is given from then on.
  setAuth: ({ client, tokens }) => {
    const left = [...tokens];
    const fetched = async ({ forceRefreshToken }) => {
      say({ event: "token asked", client, forced: forceRefreshToken });
      return left.length > 1 ? left.shift() : left[0];
    };
    clients.get(client).setAuth(fetched, (signedIn) => say({ event: "auth", client, signedIn }));
  },

  clearAuth: ({ client }) => clients.get(client).client.clearAuth(),

  subscribe: ({ client, subscription, path, args }) => {
    const stop = clients.get(client).onUpdate(
      makeFunctionReference(path),
      jsonToConvex(args ?? {}),
      (value) =>
        say({ event: "update", subscription, value: convexToJson(value), view: view(client) }),
      (error) => say({ event: "update", subscription, error: told(error), view: view(client) }),
    );
    subscriptions.set(subscription, { client, stop, current: () => stop.getCurrentValue() });
  },
  unsubscribe: ({ subscription }) => {
    subscriptions.get(subscription).stop();
    subscriptions.delete(subscription);
  },
  connection: ({ client }) => {
    const { isWebSocketConnected, connectionCount, inflightMutations } =
      clients.get(client).connectionState();
    return { isWebSocketConnected, connectionCount, inflightMutations };
  },
};

async function carriedOut(line) {
  const { id, do: name, ...given } = JSON.parse(line);
  try {
    say({ id, value: (await commands[name](given)) ?? null });
  } catch (error) {
    say({ id, error: told(error) });
  }
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  void carriedOut(line);
}
process.exit(0);
