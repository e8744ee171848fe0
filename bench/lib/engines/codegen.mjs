/**
 * A yardstick, no product: the campaigns as JavaScript source, compiled by `new Function`, which a strict content security
 * policy forbids.
 *
 * Functions of forty campaigns: one with a thousand is too long for V8's optimising compiler (60 KB of bytecode).
 */
import { murmur3 } from "../reference.mjs";

export const title = "generated code, for exactly this";

const CHUNK = 40;
const OPERATORS = { eq: "===", gt: ">", gte: ">=", lt: "<", lte: "<=" };

function source(tree) {
  if (tree.attr === undefined) return `(${tree.args.map(source).join(tree.op === "and" ? "&&" : "||")})`;
  const value = `v.${tree.attr}`;
  const equals = (text) => `${value}===${JSON.stringify(text)}`;
  return tree.op === "in" ? `(${tree.value.map(equals).join("||")})` : `${value}${OPERATORS[tree.op]}${JSON.stringify(tree.value)}`;
}

export function open({ campaigns }) {
  const line = ({ id, tree, rollout }) => {
    const share = rollout >= 100 ? "" : `&&h("${id}:"+v.id)%10000<${rollout * 100}`;
    return `if(${source(tree)}${share})return"${id}";`;
  };
  const functions = [];
  for (let at = 0; at < campaigns.length; at += CHUNK) {
    functions.push(`(v)=>{${campaigns.slice(at, at + CHUNK).map(line).join("")}return null}`);
  }
  const names = functions.map((_, at) => `d${at}`);
  const body = functions.map((text, at) => `const d${at}=${text};`).join("\n");
  return new Function("h", `${body}\nreturn(v)=>${names.map((name) => `${name}(v)`).join("??")}`)(murmur3);
}
