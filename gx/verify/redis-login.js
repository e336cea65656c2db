// Logs in to Redis with the REDIS_URL that this very container was given. Says PONG, or why not; never the password.
const end = (text, code) => { process.stdout.write(text + "\n"); process.exit(code); };
let host, port, user, password;
try {
  const url = new URL(process.env.REDIS_URL);
  [host, port] = [url.hostname, Number(url.port || 6379)];
  [user, password] = [url.username, url.password].map(decodeURIComponent);
} catch {
  end("REDIS_URL is no URL", 1); // Node's own error would print it
}
const words = password ? ["AUTH", ...(user ? [user] : []), password] : [];
const command = (...parts) => `*${parts.length}\r\n` + parts.map((p) => `$${Buffer.byteLength(p)}\r\n${p}\r\n`).join("");
const socket = require("net").connect(port, host, () => {
  socket.write((words.length ? command(...words) : "") + command("PING"));
});
let said = "";
socket.on("data", (data) => {
  said += data;
  const error = said.split("\r\n").find((line) => line.startsWith("-"));
  if (error) end(`${host}: ${error.slice(1)}`, 1);
  if (said.includes("+PONG\r\n")) end(`PONG from ${host}`, 0);
});
socket.on("error", (error) => end(`${host}: ${error.code}`, 1));
setTimeout(() => end(`${host}: no answer within 5 s`, 1), 5000);
