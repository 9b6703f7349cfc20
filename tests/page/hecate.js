// hecate as a process, and a browser that looks at it.
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

export const ADMIN_TOKEN = 'admin-token-of-the-test';
const HEC_TOKEN = '11111111-2222-4333-8444-555555555555';
export const BOUND = 60000;  // after which what a test waits for does not come any more

export async function eventually(condition, what) {
  const end = Date.now() + BOUND;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > end) throw new Error(`${what}: not within ${BOUND / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// `more`: what else its configuration says, as JSON, which is YAML too.
export async function startHecate(more = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'hecate-page-'));
  const config = {
    inputs: {hec: {listen: '127.0.0.1:0', tokens: [{name: 'test', token: HEC_TOKEN}]}},
    admin: {listen: '127.0.0.1:0', token: ADMIN_TOKEN},
    detections: {defaults: {emit: 'first_match'}},
    state: {path: join(folder, 'state')},
    ...more,
  };
  const file = join(folder, 'hecate.yaml');
  writeFileSync(file, JSON.stringify(config));
  const process = spawn(globalThis.process.env.HECATE_BINARY, ['serve', '--config', file], {stdio: ['ignore', 'ignore', 'pipe']});
  let log = '';
  process.stderr.on('data', (data) => (log += data));
  const ended = new Promise((resolve) => process.once('exit', resolve));
  const ports = await eventually(() => {
    if (process.exitCode !== null) throw new Error('hecate ended: ' + log);
    return /HEC on port (\d+), admin on port (\d+)/.exec(log);
  }, 'hecate is ready');
  const hec = Number(ports[1]), admin = Number(ports[2]);
  return {
    folder,
    admin,
    open: `http://127.0.0.1:${admin}`,  // asks for no login
    named: `http://hecate.test:${admin}`,  // a name that was made to lead here: asks for one
    log: () => log,
    async send(events) {
      const answer = await fetch(`http://127.0.0.1:${hec}/services/collector/event`, {method: 'POST', headers: {Authorization: `Splunk ${HEC_TOKEN}`}, body: events.map((each) => JSON.stringify(each)).join('')});
      if (answer.status !== 200) throw new Error(`HEC answered ${answer.status}`);
    },
    configure: (change) => {
      writeFileSync(file, JSON.stringify({...config, ...change}));
      process.kill('SIGHUP');
    },
    async stop() {
      process.kill('SIGTERM');
      await ended;
      rmSync(folder, {recursive: true});
    },
  };
}

// A file that MsMpEng wrote, now: one finding.
export function planted(target, host = 'ws-1.corp.example') {
  const now = new Date();
  const utc = now.toISOString().replace('T', ' ').replace('Z', '');
  return {
    time: now.getTime() / 1000, source: 'XmlWinEventLog:Microsoft-Windows-Sysmon/Operational',
    event: {
      EventID: 11, SourceName: 'Microsoft-Windows-Sysmon', Channel: 'Microsoft-Windows-Sysmon/Operational', Hostname: host, UtcTime: utc, CreationUtcTime: utc,
      ProcessGuid: '{2b1f0a6e-0001}', ProcessId: '7', User: 'NT AUTHORITY\\SYSTEM', UserID: 'S-1-5-18', Image: 'C:\\ProgramData\\Defender\\MsMpEng.exe', TargetFilename: 'C:\\Windows\\System32\\' + target,
    },
  };
}

// An empty profile; what the browser would ask of others by itself is off.
export async function startBrowser(playwright) {
  const profile = mkdtempSync(join(tmpdir(), 'hecate-chromium-'));
  const context = await playwright.chromium.launchPersistentContext(profile, {
    executablePath: '/usr/bin/chromium', timeout: BOUND, viewport: {width: 1280, height: 800}, timezoneId: 'Europe/Berlin', locale: 'en-GB',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--host-resolver-rules=MAP hecate.test 127.0.0.1'],
  });
  context.setDefaultTimeout(BOUND);
  return {context, async stop() {
    await context.close();
    rmSync(profile, {recursive: true, force: true});
  }};
}
