// Questions as lines of JSON on stdin, each answered with one line on stdout, in order.

import { createInterface } from "node:readline";

/**
 * @param {(question: any) => Promise<unknown>} answer what a line is answered with
 */
export async function answerLines(answer) {
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    let said;
    try {
      said = { answer: (await answer(JSON.parse(line))) ?? null };
    } catch (error) {
      said = { broken: error?.stack ?? String(error) };
    }
    process.stdout.write(`${JSON.stringify(said)}\n`);
  }
}
