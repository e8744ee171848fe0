/**
 * A server that counts what reaches its socket: every byte of a request, its line, its headers and its body, as the browser
 * wrote them. It understands just enough of HTTP/1.1 to tell one request from the next.
 */
import { createServer } from "node:net";

const END = Buffer.from("\r\n\r\n");

/**
 * `answer({ method, path, body })` gives `{ status, type, body }`, perhaps later. The result has `url`, `requests` (each with
 * `method`, `path`, `bytes`) and `close`.
 */
export async function wire(answer) {
  const requests = [];
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let seen = Buffer.alloc(0);
    let turn = Promise.resolve();
    socket.on("data", (part) => {
      seen = Buffer.concat([seen, part]);
      for (;;) {
        const head = seen.indexOf(END);
        if (head < 0) return;
        const text = seen.subarray(0, head).toString("latin1");
        const length = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
        const bytes = head + END.length + length;
        if (seen.length < bytes) return;
        const [method, path] = text.split(" ", 2);
        const request = { method, path: path.split("?")[0], bytes, body: Buffer.from(seen.subarray(bytes - length, bytes)) };
        seen = seen.subarray(bytes);
        requests.push(request);
        // Answers go in the order of their requests.
        turn = turn.then(() => answer(request)).then(({ status = 200, type = "text/html; charset=utf-8", body = "" }) => {
          const out = Buffer.from(body);
          socket.write(`HTTP/1.1 ${status} OK\r\ncontent-type: ${type}\r\ncontent-length: ${out.length}\r\ncache-control: no-store\r\n\r\n`);
          socket.write(out);
        });
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () =>
    new Promise((resolve) => {
      server.close(resolve);
      sockets.forEach((socket) => socket.destroy());
    });
  return { url: `http://127.0.0.1:${server.address().port}`, requests, close };
}
