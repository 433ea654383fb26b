// Uploads a file, renames it to .ready, tries to rename it again, and lists; with the npm package basic-ftp.
const ftp = require("basic-ftp");

const [port, account, password, certificate, file] = process.argv.slice(2);

async function main() {
  const client = new ftp.Client(20000);
  const secureOptions = certificate ? { ca: require("fs").readFileSync(certificate) } : undefined;
  await client.access({
    host: "127.0.0.1",
    port: Number(port),
    user: account,
    password,
    secure: Boolean(certificate),
    secureOptions,
  });
  const name = file.split("/").pop();
  const report = {};
  await client.uploadFrom(file, name);
  report.size = await client.size(name);
  await client.rename(name, `${name}.ready`);
  report.names = (await client.list()).map((entry) => entry.name);
  await client.uploadFrom(file, name);
  try {
    await client.rename(name, "x.success");
  } catch (error) {
    report.refusal = error.message;
  }
  client.close();
  console.log(JSON.stringify(report));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
