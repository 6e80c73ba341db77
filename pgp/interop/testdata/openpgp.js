// One operation of OpenPGP.js on the files of a folder, see peers_test.go.
const fs = require('fs'), openpgp = require('openpgp');
const text = name => fs.readFileSync(name, 'utf8');
const run = {
  async encrypt() {
    const message = await openpgp.createMessage({ binary: fs.readFileSync('data') });
    fs.writeFileSync('message.asc', await openpgp.encrypt({ message, encryptionKeys: await openpgp.readKey({ armoredKey: text('cert.asc') }) }));
  },
  async decrypt() {
    const message = await openpgp.readMessage({ armoredMessage: text('message.asc') });
    const { data } = await openpgp.decrypt({ message, decryptionKeys: await openpgp.readPrivateKey({ armoredKey: text('key.asc') }), format: 'binary' });
    fs.writeFileSync('output', data);
  },
  async sign() {
    const message = await openpgp.createMessage({ binary: fs.readFileSync('data') });
    fs.writeFileSync('signature.asc', await openpgp.sign({ message, detached: true, signingKeys: await openpgp.readPrivateKey({ armoredKey: text('key.asc') }) }));
  },
  async verify() {
    const message = await openpgp.createMessage({ binary: fs.readFileSync('data') });
    const signature = await openpgp.readSignature({ armoredSignature: text('signature.asc') });
    const { signatures } = await openpgp.verify({ message, signature, verificationKeys: await openpgp.readKey({ armoredKey: text('cert.asc') }) });
    await signatures[0].verified;
  },
};
run[process.argv[2]]().catch(e => { console.error(e.message); process.exit(1); });
