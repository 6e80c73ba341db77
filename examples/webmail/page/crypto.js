// Keys and what they do. The private key is kept in this browser, locked by its passphrase; unlocked it is in memory only, until the page is closed.
import * as openpgp from '/lib/openpgp.js';
import { bytes, octets, split, field, mediaType, parts, compose, multipart } from '/mime.js';

export class Keyring {
  constructor(user) {
    this.user = user;
    this.place = `keys of ${user}`;
    this.unlocked = null;
  }

  async load() {
    const { own, others = [] } = JSON.parse(localStorage.getItem(this.place) ?? '{}');
    this.own = own ? await openpgp.readPrivateKey({ armoredKey: own }) : null;
    this.others = await Promise.all(others.map(armoredKey => openpgp.readKey({ armoredKey })));
  }

  save() {
    localStorage.setItem(this.place, JSON.stringify({ own: this.own?.armor(), others: this.others.map(k => k.armor()) }));
  }

  // generate makes a key that all programs can read.
  async generate(passphrase) {
    const { privateKey } = await openpgp.generateKey({ type: 'ecc', curve: 'curve25519Legacy', userIDs: [{ email: this.user }], passphrase, format: 'object' });
    await this.adopt(privateKey.armor(), passphrase);
  }

  // adopt takes a private key, and locks it if it is not.
  async adopt(armoredKey, passphrase) {
    let key = await openpgp.readPrivateKey({ armoredKey });
    if (!emails(key).includes(this.user)) throw new Error(`the key is not of ${this.user}`);
    if (key.isDecrypted()) key = await openpgp.encryptKey({ privateKey: key, passphrase });
    this.unlocked = await openpgp.decryptKey({ privateKey: key, passphrase });
    this.own = key;
    this.save();
  }

  async unlock(passphrase) {
    this.unlocked = await openpgp.decryptKey({ privateKey: this.own, passphrase });
  }

  // learn takes somebody's key, in place of an older form of it.
  async learn(armoredKey) {
    const key = (await openpgp.readKey({ armoredKey })).toPublic();
    this.others = [...this.others.filter(k => k.getFingerprint() !== key.getFingerprint()), key];
    this.save();
    return key;
  }

  forget(fingerprint) {
    this.others = this.others.filter(k => k.getFingerprint() !== fingerprint);
    this.save();
  }

  all() { return this.own ? [this.own.toPublic(), ...this.others] : this.others; }

  // keysFor gives a key for each address, from here or from where its domain publishes it.
  async keysFor(addresses, lookUp) {
    const found = [], missing = [];
    for (const address of addresses) {
      let key = this.all().find(k => emails(k).includes(address));
      for (const armored of key ? [] : await lookUp(address)) {
        const k = await openpgp.readKey({ armoredKey: armored });
        if (emails(k).includes(address)) key = await this.learn(armored);
      }
      key ? found.push(key) : missing.push(address);
    }
    if (missing.length) throw new Error(`there is no key for ${missing.join(', ')}; paste it under Keys, or do not encrypt`);
    return found;
  }
}

export const emails = key => key.users.map(u => u.userID?.email?.toLowerCase()).filter(Boolean);
export const fingerprint = key => key.getFingerprint().toUpperCase().replace(/.{4}(?=.)/g, '$& ');

const maxLayers = 3;

// open gives the message that is inside of one, what protected it, and who signed it. Only what is encrypted or signed as a whole is opened: a part among others is never
// decrypted, since the others could send it elsewhere (efail.de). OpenPGP.js gives nothing out before the integrity of all is proved.
export async function open(message, ring) {
  const result = { message, encrypted: false, signatures: [] };
  for (let layer = 0; layer < maxLayers; layer++) {
    const { head, body } = split(result.message);
    const media = mediaType(head);
    if (media.type === 'message/rfc822' && result.encrypted) {
      result.message = body;
    } else if (media.type === 'multipart/encrypted' && media.protocol === 'application/pgp-encrypted') {
      if (!ring.unlocked) throw new Locked();
      await decrypt(result, parts(body, media.boundary), ring);
    } else if (media.type === 'multipart/signed' && media.protocol === 'application/pgp-signature') {
      await verify(result, parts(body, media.boundary), ring);
      break;
    } else {
      break;
    }
  }
  return result;
}

export class Locked extends Error { constructor() { super('the message is encrypted; unlock your key to read it'); } }

async function decrypt(result, found, ring) {
  if (found.length !== 2) throw new Error('something stands beside the encrypted part');
  const message = await openpgp.readMessage({ armoredMessage: split(found[1]).body });
  const { data, signatures } = await openpgp.decrypt({ message, decryptionKeys: ring.unlocked, verificationKeys: ring.all(), format: 'binary' });
  result.message = octets(data);
  result.encrypted = true;
  result.signatures.push(...await judge(signatures, ring));
}

async function verify(result, found, ring) {
  if (found.length !== 2) throw new Error('something stands beside the signed part');
  const signature = await openpgp.readSignature({ armoredSignature: split(found[1]).body });
  const { signatures } = await openpgp.verify({ message: await openpgp.createMessage({ binary: bytes(found[0]) }), signature, verificationKeys: ring.all() });
  result.signatures.push(...await judge(signatures, ring));
  if (/;\s*hp\s*=/i.test(field(split(found[0]).head, 'content-type'))) {
    result.message = found[0]; // the header in it is what was signed
    return;
  }
  const fields = split(result.message).head.split(/\r?\n(?![ \t])/).filter(f => !/^(content-|mime-version)/i.test(f));
  result.message = [...fields, found[0]].join('\r\n');
}

// judge says of each signature whether it is good, and whose.
async function judge(signatures, ring) {
  return Promise.all(signatures.map(async s => {
    const key = ring.all().find(k => k.getKeyIDs().some(id => id.equals(s.keyID)));
    if (!key) return { good: false, unknown: s.keyID.toHex().toUpperCase() };
    try {
      await s.verified;
      return { good: true, emails: emails(key), fingerprint: fingerprint(key) };
    } catch (e) {
      return { good: false, emails: emails(key), reason: e.message };
    }
  }));
}

// write makes a message: signed, and encrypted unless that is not wanted.
export async function write({ to, subject, text, encrypted }, ring, lookUp) {
  if (!ring.unlocked) throw new Error('unlock your key first');
  const { outer, content } = compose({ from: ring.user, to, subject, text, hp: encrypted ? 'cipher' : 'clear' });
  const message = await openpgp.createMessage({ binary: bytes(content) });
  if (encrypted) {
    const encryptionKeys = [...await ring.keysFor(to, lookUp), ring.own.toPublic()];
    const data = await openpgp.encrypt({ message, encryptionKeys, signingKeys: ring.unlocked });
    return multipart(outer, 'multipart/encrypted; protocol="application/pgp-encrypted"',
      'Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n',
      `Content-Type: application/octet-stream; name="encrypted.asc"\r\n\r\n${crlf(data)}`);
  }
  const signature = await openpgp.sign({ message, signingKeys: ring.unlocked, detached: true, format: 'object' });
  const hash = openpgp.enums.read(openpgp.enums.hash, signature.packets[0].hashAlgorithm);
  return multipart(outer, `multipart/signed; protocol="application/pgp-signature"; micalg=pgp-${hash}`,
    content, `Content-Type: application/pgp-signature; name="signature.asc"\r\n\r\n${crlf(signature.armor())}`);
}

const crlf = text => text.replace(/\r?\n/g, '\r\n');
