// The commitments, read by JSON-RPC from whatever node the customer names; no key, nothing is written.

/** Nothing was checked: the node does not answer, or answers something else. `reason` is a word for people. */
export class UncheckedError extends Error {
  constructor(message, reason) {
    super(message);
    this.reason = reason;
  }
}

const LATEST = "52bfe789"; // latest()
const COMMITMENTS = "c641609b"; // commitments(uint64,uint64)
const READ_MAX = 1000;
const WAIT_MS = 30_000;
const WORD = 64;
const ANSWER_MAX = 4_000_000;

class Node {
  constructor(url) {
    if (!/^https?:\/\//.test(url)) {
      throw new UncheckedError("the address of the chain must begin with http:// or https://", "address");
    }
    this.url = url;
    this.keptBy = null;
  }

  async ask(method, ...params) {
    let result;
    try {
      const answer = await fetch(this.url, {
        method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }), credentials: "omit",
        headers: { "Content-Type": "application/json" }, referrerPolicy: "no-referrer", signal: AbortSignal.timeout(WAIT_MS),
      });
      this.keptBy = answer.headers.get("Keyuan-Chain");
      const body = await answer.text();
      result = body.length <= ANSWER_MAX ? JSON.parse(body).result : null;
    } catch (error) {
      throw new UncheckedError(`the chain does not answer ${method}: ${error.message}`, "silent");
    }
    if (typeof result !== "string" || !/^0x[0-9a-f]*$/.test(result)) {
      throw new UncheckedError(`the chain answers ${method} with something else`, "silent");
    }
    return result;
  }

  async number(method) {
    const result = await this.ask(method);
    if (result === "0x") throw new UncheckedError(`the chain answers ${method} with no number`, "silent");
    return BigInt(result);
  }

  async call(contract, block, selector, ...numbers) {
    const words = numbers.map((number) => number.toString(16).padStart(WORD, "0")).join("");
    const asked = { to: `0x${contract}`, data: `0x${selector}${words}` };
    const given = (await this.ask("eth_call", asked, `0x${block.toString(16)}`)).slice(2);
    if (!given || given.length % WORD) {
      throw new UncheckedError("at this address is no contract that anchors epochs", "contract");
    }
    return given;
  }
}

/** Return the root of trust that a contract (hex, no prefix) on a chain (BigInt) is, as of the node's newest block. */
export async function rootFromChain(url, contract, chainId) {
  const node = new Node(url);
  const found = await node.number("eth_chainId");
  if (found !== chainId) throw new UncheckedError(`the node is of another chain: ${found}`, "chain");
  const block = await node.number("eth_blockNumber");
  const latest = BigInt(`0x${await node.call(contract, block, LATEST)}`);
  const commitments = [];
  while (BigInt(commitments.length) < latest) {
    const run = await node.call(contract, block, COMMITMENTS, commitments.length + 1, READ_MAX);
    const more = run.slice(2 * WORD).match(/.{64}/g) ?? [];
    if (!more.length || BigInt(more.length) !== BigInt(`0x${run.slice(WORD, 2 * WORD)}`)) {
      throw new UncheckedError("the contract gives fewer commitments than it says", "contract");
    }
    commitments.push(...more);
  }
  return { chainId, contract, commitments, block, keptBy: node.keptBy };
}
