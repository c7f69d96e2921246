// Calls in JSON, one a line, on standard input; what came of each, the same way, on standard output.
import { createInterface } from "node:readline";

export async function take(calls, refused) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { call, ...given } = JSON.parse(line);
    let said;
    try {
      said = { answer: (await calls[call](given)) ?? null };
    } catch (error) {
      said = { refused: { type: error.name, ...refused(error) } };
    }
    process.stdout.write(JSON.stringify(said) + "\n");
  }
}
