// node's http2 as a peer. Its arguments are what `NAMES` names; its log goes to stdout.
import fs from 'node:fs';
import http2 from 'node:http2';
import path from 'node:path';
import { parseArgs } from 'node:util';

const NAMES = ['h2c', 'h2', 'narrow', 'limited', 'files', 'certificate', 'key'];
const { values } = parseArgs({ options: Object.fromEntries(NAMES.map((name) => [name, { type: 'string' }])) });
const pems = { cert: fs.readFileSync(values.certificate), key: fs.readFileSync(values.key), allowHTTP1: true };

// How long /late waits before it reads, and /slow before it answers.
const DELAY = 300;
const hold = (then) => setTimeout(then, DELAY);

function answer(stream, status, fields, body) {
  if (stream.destroyed) return;
  stream.respond({ ':status': status, ...fields }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
}

// Reads the body to its end, and tells its length, and its trailers.
function read(stream, then) {
  let length = 0, trailers = {};
  stream.on('data', (piece) => { length += piece.length; });
  stream.on('trailers', (fields) => { trailers = fields; });
  stream.on('end', () => then(length, trailers));
}

function upload(stream) {
  read(stream, (length, trailers) => {
    const digest = trailers['x-digest'];
    answer(stream, 200, digest === undefined ? {} : { 'x-digest': digest }, `${length} bytes\n`);
  });
}

const refused = new Set();

const PAGES = {
  '/upload': upload,
  '/late': (stream) => hold(() => upload(stream)),
  '/slow': (stream) => hold(() => answer(stream, 200, {}, 'late\n')),
  '/empty': (stream) => answer(stream, 204, {}),
  '/refuse': (stream) => {
    answer(stream, 413, {}, 'too much\n');
    stream.close(http2.constants.NGHTTP2_NO_ERROR);
  },
  '/hints': (stream) => {
    for (const link of ['</a.css>', '</b.js>']) stream.additionalHeaders({ ':status': 103, link: `${link}; rel=preload` });
    answer(stream, 200, {}, 'hinted\n');
  },
  '/trailers': (stream) => {
    stream.respond({ ':status': 200, trailer: 'x-checksum' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-checksum': 'of all' }));
    stream.write('some of it\n');
    stream.end('and the rest\n');
  },
  '/fields': (stream, headers) => {
    const received = String((headers['x-large'] ?? '').length);
    // More than a frame holds.
    answer(stream, 200, { 'x-received': received, 'x-large': '0123456789abcdef'.repeat(2500) }, 'large\n');
  },
  '/reset': (stream, headers) => stream.close(Number(headers['x-code'])),
  // close() would end the body first. This is INTERNAL_ERROR.
  '/reset-body': (stream) => {
    stream.respond({ ':status': 200 });
    stream.write('some of it\n', () => stream.destroy(new Error('not the rest')));
  },
  '/refuse-once': (stream, headers) => {
    const agent = headers['user-agent'];
    if (refused.has(agent)) return answer(stream, 200, {}, 'welcome\n');
    refused.add(agent);
    return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  },
  '/goaway': (stream) => {
    stream.session.goaway(http2.constants.NGHTTP2_NO_ERROR, stream.id, Buffer.from('that is all'));
    answer(stream, 200, {}, 'the last one\n');
  },
};

function file(stream, name) {
  const found = path.join(values.files, path.basename(name));
  if (!fs.existsSync(found)) return answer(stream, 404, {}, 'not here\n');
  stream.respondWithFile(found, { ':status': 200, 'content-type': 'text/plain' });
}

// Says which request it answers, in a field, in the body, and in how long the body is.
function crowd(stream, headers, number) {
  read(stream, (length) => {
    const fields = { 'x-number': headers['x-number'], 'x-received': String(length) };
    answer(stream, 200, fields, `${number}\n`.repeat(100 + 37 * number));
  });
}

function serve(stream, headers) {
  const target = headers[':path'];
  const number = /^\/crowd\/(\d+)$/.exec(target);
  if (number) return crowd(stream, headers, Number(number[1]));
  const page = Object.hasOwn(PAGES, target) ? PAGES[target] : file;
  return page(stream, page === file ? target : headers);
}

const counts = new WeakMap();

function log(stream, headers, raw) {
  const session = stream.session;
  const nth = (counts.get(session) ?? 0) + 1;
  counts.set(session, nth);
  const entry = {
    agent: headers['user-agent'],
    method: headers[':method'],
    target: headers[':path'],
    port: session.socket.remotePort,
    nth,
    protocol: 'HTTP/2.0',
    stream: stream.id,
    fields: [],
    tls: session.socket.getProtocol?.() ?? '',
    cipher: session.socket.getCipher?.().standardName ?? '',
    resumed: session.socket.isSessionReused?.() ? 'r' : '',
  };
  for (let at = 0; at < raw.length; at += 2) entry.fields.push([raw[at], raw[at + 1]]);
  stream.on('close', () => {
    if (stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM) return;
    const status = stream.sentHeaders?.[':status'] ?? 0;
    process.stdout.write(`${JSON.stringify({ ...entry, status, code: stream.rstCode })}\n`);
  });
}

function listen(server, port) {
  server.on('stream', (stream, headers, flags, raw) => {
    // What was reset, or went away, is none of the server's business.
    stream.on('error', () => {});
    log(stream, headers, raw);
    if (headers.expect === '100-continue' && headers[':path'] !== '/refuse') stream.additionalHeaders({ ':status': 100 });
    // Where a method has no body, nothing may be written to it.
    if (headers[':method'] === 'HEAD') answer(stream, 200, { 'x-method': 'HEAD' });
    else serve(stream, headers);
  });
  server.on('sessionError', () => {});
  server.listen(Number(port), '127.0.0.1');
}

listen(http2.createServer(), values.h2c);
listen(http2.createSecureServer(pems), values.h2);
listen(http2.createServer({ settings: { maxConcurrentStreams: 2 } }), values.narrow);
// Less than clients take for granted, and what few servers name.
listen(http2.createServer({ settings: { initialWindowSize: 20000, maxFrameSize: 20000, maxHeaderListSize: 30000, headerTableSize: 1024, enableConnectProtocol: true } }), values.limited);
