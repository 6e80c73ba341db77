// The form of messages. A message is a string of octets here, one character each, so that what is signed stays as it came.

export const octets = bytes => {
  let out = '';
  for (let i = 0; i < bytes.length; i += 32768) out += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return out;
};
export const bytes = octets => Uint8Array.from(octets, c => c.charCodeAt(0));
const utf8 = text => octets(new TextEncoder().encode(text));
const lines76 = text => text.replace(/.{76}(?=.)/g, '$&\r\n');

// split takes a message or a part apart.
export function split(entity) {
  const end = /^\r?\n|\r?\n\r?\n/.exec(entity);
  return end ? { head: entity.slice(0, end.index), body: entity.slice(end.index + end[0].length) } : { head: entity, body: '' };
}

// field is the value of the first header field of a name, unfolded; '' if there is none.
export function field(head, name) {
  const found = new RegExp(`^${name}:(.*(?:\r?\n[ \t].*)*)`, 'im').exec(head);
  return found ? found[1].replace(/\r?\n(?=[ \t])/g, '').trim() : '';
}

// mediaType is the type of a part, with the parameters that matter here.
export function mediaType(head) {
  const value = field(head, 'content-type') || 'text/plain';
  const parameter = name => { const p = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;]+))`, 'i').exec(value); return p ? p[1] ?? p[2] : ''; };
  return { type: value.split(';')[0].trim().toLowerCase(), protocol: parameter('protocol').toLowerCase(), boundary: parameter('boundary') };
}

// parts takes a multipart apart. The line end before a boundary belongs to it (RFC 2046, section 5.1.1).
export function parts(body, boundary) {
  const quoted = boundary.replace(/[^\w ]/g, '\\$&');
  const pieces = ('\r\n' + body).split(new RegExp(`\r?\n--${quoted}(?=--|[ \t]*\r?\n)`));
  if (!boundary || pieces.length < 3 || !pieces.at(-1).startsWith('--')) throw new Error('the message is cut off or malformed');
  return pieces.slice(1, -1).map(p => p.replace(/^[ \t]*\r?\n/, ''));
}

// encodeWords writes text as a header field can have it (RFC 2047).
export function encodeWords(text) {
  if (/^[ -~]*$/.test(text)) return text;
  const words = [];
  let word = '';
  for (const c of text.replace(/[\r\n]+/g, ' ')) {
    if (utf8(word + c).length > 42) { words.push(word); word = ''; }
    word += c;
  }
  return [...words, word].map(w => `=?utf-8?B?${btoa(utf8(w))}?=`).join('\r\n ');
}

// compose makes the fields of a message, and the part with its text: what is encrypted or signed, with the header protected in it (RFC 9788, section 2.1).
export function compose({ from, to, subject, text, hp }) {
  const fields = [
    `From: ${from}`, `To: ${to.join(', ')}`, `Subject: ${encodeWords(subject)}`, `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${crypto.randomUUID()}@${from.split('@')[1]}>`,
  ];
  const outer = hp === 'cipher' ? fields.map(f => f.startsWith('Subject:') ? 'Subject: [...]' : f) : fields;
  const inner = hp === 'cipher' ? [...fields, ...outer.map(f => `HP-Outer: ${f}`)] : fields;
  const content = [...inner, `Content-Type: text/plain; charset="utf-8"; hp="${hp}"`, 'Content-Transfer-Encoding: base64', '',
    lines76(btoa(utf8(text.replace(/\r?\n/g, '\r\n')))), ''].join('\r\n');
  return { outer, content };
}

// multipart makes a message of fields and two parts.
export function multipart(fields, type, first, second) {
  const boundary = 'webmail-' + crypto.randomUUID();
  return [...fields, 'MIME-Version: 1.0', `Content-Type: ${type};\r\n boundary="${boundary}"`, '', `--${boundary}\r\n${first}`, `--${boundary}\r\n${second}`, `--${boundary}--`, ''].join('\r\n');
}
