// Asks MinIO for its health from this very container: through the policies, as the service itself does.
const base = process.argv[1];
const wrong = (kind, what) => { process.stdout.write(`${kind}: ${what}\n`); process.exit(1); };
(async () => {
  for (const kind of ["live", "ready"]) {
    const answer = await fetch(`${base}/minio/health/${kind}`, { redirect: "manual", signal: AbortSignal.timeout(2000) })
      .catch((error) => wrong(kind, error.cause?.code ?? error.name));
    if (answer.status !== 200) wrong(kind, `HTTP ${answer.status}`);
    if ((await answer.text()).trim()) wrong(kind, "a page of somebody else"); // MinIO answers by the status alone
  }
  process.stdout.write("live and ready\n");
})();
