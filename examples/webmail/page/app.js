// The page: what is shown, and what its buttons do. Text of mail only ever becomes text, or goes through DOMPurify into a frame without scripts.
import DOMPurify from '/lib/dompurify.js';
import PostalMime from '/lib/postal-mime/postal-mime.js';
import { bytes, octets } from '/mime.js';
import { Keyring, Locked, emails, fingerprint, open, write } from '/crypto.js';

const $ = id => document.getElementById(id);
let ring;    // of who is logged in
let mailbox; // that is shown
let listed = 0; // number of the list that is shown or being loaded, as for the next
let shown = 0; // number of what is shown or being opened: the last that was asked for counts

// el makes an element: properties, then children, which are elements or text.
function el(tag, properties = {}, ...children) {
  const e = Object.assign(document.createElement(tag), properties);
  e.append(...children);
  return e;
}

// api asks the server.
async function api(path, body) {
  const answer = await fetch(`/api/${path}`, body === undefined ? {} : { method: 'POST', body });
  if (answer.status === 401) showLogin();
  if (!answer.ok) throw new Error((await answer.text()).trim());
  if (answer.status === 204) return null;
  return answer.headers.get('Content-Type') === 'application/json' ? answer.json() : octets(new Uint8Array(await answer.arrayBuffer()));
}

// on does something at an event, and shows what went wrong.
function on(element, event, action) {
  element.addEventListener(event, async e => {
    e.preventDefault();
    $('error').hidden = true;
    try {
      await action(e);
    } catch (problem) {
      $('error').textContent = problem.message;
      $('error').hidden = false;
    }
  });
}

function showLogin() {
  ring = null;
  for (const place of ['mailboxes', 'list', 'view']) $(place).replaceChildren();
  $('mail').hidden = true;
  $('login').hidden = false;
}

async function start(user) {
  ring = new Keyring(user);
  await ring.load();
  $('login').hidden = true;
  $('login').reset();
  $('mail').hidden = false;
  $('user').textContent = user;
  showLock();
  $('mailboxes').replaceChildren(...(await api('mailboxes')).map(name => {
    const b = el('button', { textContent: name });
    on(b, 'click', () => showMailbox(name));
    return b;
  }));
  await showMailbox('INBOX');
}

function showLock() {
  $('unlock').hidden = !ring.own || !!ring.unlocked;
  $('lock').textContent = !ring.own ? 'no key yet' : ring.unlocked ? 'key unlocked' : '';
}

async function showMailbox(name) {
  mailbox = name;
  listed++;
  shown++;
  $('list').replaceChildren();
  $('view').replaceChildren();
  for (const b of $('mailboxes').children) b.toggleAttribute('aria-current', b.textContent === name);
  await showOlder();
}

// showOlder adds messages to the list, from a number downwards; without one, the newest.
async function showOlder(before = 0) {
  const mine = listed;
  const messages = await api(`messages?${new URLSearchParams({ mailbox, before })}`);
  if (mine !== listed) return;
  $('list').append(...messages.map(m => {
    const b = el('button', { className: m.seen ? '' : 'unseen' }, el('span', { textContent: m.from }),
      el('time', { dateTime: m.date, textContent: new Date(m.date).toLocaleDateString() }), el('span', { className: 'subject', textContent: m.subject }));
    on(b, 'click', async () => {
      for (const other of $('list').querySelectorAll('button')) other.toggleAttribute('aria-current', other === b);
      b.className = '';
      await showMessage(m.uid);
    });
    return el('li', {}, b);
  }));
  const oldest = messages.at(-1)?.number ?? 1;
  if (oldest === 1) return;
  const more = el('button', { textContent: 'Older' });
  on(more, 'click', async () => {
    more.parentNode.remove();
    await showOlder(oldest);
  });
  $('list').append(el('li', {}, more));
}

async function showMessage(uid) {
  const mine = ++shown;
  const raw = await api(`message?${new URLSearchParams({ mailbox, uid })}`);
  let result;
  try {
    result = await open(raw, ring);
  } catch (problem) {
    if (mine !== shown) return;
    const outside = await PostalMime.parse(bytes(raw));
    const state = el('p', { className: 'state bad', textContent: problem instanceof Locked ? problem.message : `It cannot be opened: ${problem.message}` });
    $('view').replaceChildren(state, ...heading(outside));
    return;
  }
  const mail = await PostalMime.parse(bytes(result.message));
  if (mine !== shown) return;
  $('view').replaceChildren(...states(result, mail), ...heading(mail), ...content(mail));
}

function heading(mail) {
  const people = list => (list ?? []).map(a => a.name ? `${a.name} <${a.address}>` : a.address).join(', ');
  const rows = [['From', people([mail.from ?? {}])], ['To', people(mail.to)], ['Date', mail.date ? new Date(mail.date).toLocaleString() : '']];
  return [el('h2', { textContent: mail.subject || '(no subject)' }),
    el('dl', {}, ...rows.flatMap(([name, value]) => [el('dt', { textContent: name }), el('dd', { textContent: value })]))];
}

// states says how the message was protected. A signature counts only if its key is of who the message says it is from.
function states({ encrypted, signatures }, mail) {
  const from = mail.from?.address?.toLowerCase();
  const lines = [[encrypted ? 'good' : '', encrypted ? 'Encrypted to you.' : 'Not encrypted.']];
  for (const s of signatures) {
    if (s.unknown) lines.push(['', `Signed with the key ${s.unknown}, which you do not have.`]);
    else if (!s.good) lines.push(['bad', `The signature is wrong: ${s.reason}`]);
    else if (s.emails.includes(from)) lines.push(['good', `Signed by ${from}, key ${s.fingerprint}.`]);
    else lines.push(['bad', `Signed by ${s.emails.join(', ')}, but it says that it is from ${from}.`]);
  }
  if (!signatures.length) lines.push(['', 'Not signed.']);
  return lines.map(([kind, text]) => el('p', { className: `state ${kind}`, textContent: text }));
}

function content(mail) {
  const body = mail.html ? frame(mail) : el('pre', { textContent: mail.text ?? '' });
  const files = mail.attachments.filter(a => !(mail.html && a.contentId && a.related)).map(a => {
    const b = el('button', { textContent: `Save ${a.filename ?? a.mimeType}` });
    on(b, 'click', () => {
      const url = URL.createObjectURL(new Blob([a.content], { type: 'application/octet-stream' }));
      el('a', { href: url, download: a.filename ?? 'attachment' }).click();
      URL.revokeObjectURL(url);
    });
    return b;
  });
  return [body, ...files];
}

const pictures = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];

// frame shows HTML: sanitised, in a frame that runs no script and belongs to no site, and that loads nothing, since it inherits the page's policy.
function frame(mail) {
  DOMPurify.removeAllHooks();
  DOMPurify.addHook('afterSanitizeAttributes', node => {
    if (node.tagName === 'IMG') {
      const cid = /^cid:(.*)/i.exec(node.getAttribute('src') ?? '');
      const part = cid && mail.attachments.find(a => a.contentId === `<${cid[1]}>` && pictures.includes(a.mimeType));
      if (part) node.setAttribute('src', `data:${part.mimeType};base64,${btoa(octets(new Uint8Array(part.content)))}`);
      else node.removeAttribute('src');
    }
    if (node.tagName === 'A') {
      if (!/^(https?|mailto):/i.test(node.getAttribute('href') ?? '')) node.removeAttribute('href');
      node.setAttribute('target', '_blank');
      node.setAttribute('rel', 'noopener noreferrer');
    }
  });
  const srcdoc = DOMPurify.sanitize(mail.html, {
    USE_PROFILES: { html: true }, FORBID_TAGS: ['style', 'form', 'input', 'button', 'textarea', 'select', 'video', 'audio', 'source', 'picture'],
    FORBID_ATTR: ['style', 'class', 'id', 'name', 'srcset', 'background'], ALLOWED_URI_REGEXP: /^(?:https?|mailto|cid):/i, RETURN_TRUSTED_TYPE: true,
  });
  const f = el('iframe', { title: 'message' });
  f.setAttribute('sandbox', 'allow-popups allow-popups-to-escape-sandbox');
  f.srcdoc = srcdoc;
  return f;
}

function showWrite() {
  shown++;
  const to = el('input', { name: 'to', required: true, placeholder: 'to: addresses, with commas between' });
  const subject = el('input', { name: 'subject', placeholder: 'subject' });
  const text = el('textarea', { name: 'text' });
  const encrypted = el('input', { name: 'encrypted', type: 'checkbox', checked: true });
  const form = el('form', { id: 'compose' }, to, subject, text, el('label', {}, encrypted, ' encrypt (it is signed in any case)'), el('button', { textContent: 'Send' }));
  on(form, 'submit', async () => {
    const addresses = to.value.toLowerCase().split(',').map(a => a.trim()).filter(Boolean);
    const wrong = addresses.find(a => !/^[!-~]+@[a-z0-9.-]+$/.test(a) || /[<>"(),:;\\]/.test(a));
    if (wrong) throw new Error(`${wrong} is no address`);
    const lookUp = async address => { try { return await api(`key?${new URLSearchParams({ address })}`); } catch { return []; } };
    const message = await write({ to: addresses, subject: subject.value, text: text.value, encrypted: encrypted.checked }, ring, lookUp);
    const { copied } = await api('send', bytes(message));
    $('view').replaceChildren(el('p', { className: 'state good', textContent: copied ? 'Sent.' : 'Sent, but there is no copy in Sent.' }));
  });
  $('view').replaceChildren(form);
}

function showKeys() {
  shown++;
  const own = el('section', {}, el('h2', { textContent: 'Your key' }));
  if (ring.own) {
    own.append(el('p', { textContent: fingerprint(ring.own) }),
      el('textarea', { className: 'key', readOnly: true, value: ring.own.toPublic().armor(), id: 'public' }));
  }
  const armored = el('textarea', { className: 'key', name: 'armored', placeholder: 'a private key to use here; empty: make a new one' });
  const passphrase = el('input', { name: 'passphrase', type: 'password', placeholder: 'passphrase', required: true, autocomplete: 'new-password' });
  const adopt = el('form', { id: 'adopt' }, armored, passphrase, el('button', { textContent: ring.own ? 'Use another key' : 'Use this key' }));
  on(adopt, 'submit', async () => {
    await (armored.value.trim() ? ring.adopt(armored.value, passphrase.value) : ring.generate(passphrase.value));
    showLock();
    showKeys();
  });
  own.append(adopt);

  const key = el('textarea', { className: 'key', name: 'key', placeholder: "somebody's public key", required: true });
  const learn = el('form', { id: 'learn' }, key, el('button', { textContent: 'Keep' }));
  on(learn, 'submit', async () => {
    await ring.learn(key.value);
    showKeys();
  });
  const others = ring.others.map(k => {
    const b = el('button', { textContent: 'Forget' });
    on(b, 'click', () => {
      ring.forget(k.getFingerprint());
      showKeys();
    });
    return el('p', {}, `${emails(k).join(', ')}: ${fingerprint(k)} `, b);
  });
  $('view').replaceChildren(own, el('section', {}, el('h2', { textContent: 'Keys of others' }), ...others, learn));
}

on($('login'), 'submit', async () => {
  const { user, password } = Object.fromEntries(new FormData($('login')));
  await api('login', JSON.stringify({ user, password }));
  await start(user.toLowerCase());
});
on($('unlock'), 'submit', async () => {
  await ring.unlock(new FormData($('unlock')).get('passphrase'));
  $('unlock').reset();
  showLock();
  $('list').querySelector('[aria-current]')?.click();
});
on($('logout'), 'click', async () => {
  await api('logout', '');
  showLogin();
});
on($('write'), 'click', showWrite);
on($('keys'), 'click', showKeys);

const session = await fetch('/api/session');
if (session.ok) await start((await session.json()).user);
else showLogin();
