// The page on the admin port in a real browser: what arrives, what hostile events must not do, logging in, two
// sizes in dark and light. HECATE_PAGE_SHOTS=<folder> keeps screenshots to look at.
import assert from 'node:assert/strict';
import {existsSync, mkdirSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import test from 'node:test';

import {ADMIN_TOKEN, eventually, planted, startBrowser, startHecate} from './hecate.js';

const playwright = existsSync('/usr/bin/chromium') && loadPlaywright();
if (!playwright) {
  console.error('page tests are skipped: they need /usr/bin/chromium and build/page/node_modules (tests/run.sh makes both)');
  process.exit(77);
}

const SHOTS = process.env.HECATE_PAGE_SHOTS;
const SIZES = {desktop: {width: 1280, height: 800}, phone: {width: 390, height: 844}};
const HOSTILE = ['drivers\\<script>document.title=\'owned\'</script>.sys', '"><img src=x onerror="document.title=\'owned\'">.sys', 'invoice\u202Excod.sys', '\u05D0\u05D1\u05D2 \u200Fgpj.sys'];

const hecate = await startHecate();
const browser = await startBrowser(playwright);
const {context} = browser;
test.after(async () => {
  await browser.stop();
  await hecate.stop();
});

function loadPlaywright() {
  try {
    return createRequire(new URL('../../build/page/', import.meta.url))('playwright-core');
  } catch {
    return null;
  }
}

// What no page may do, gathered from every page and looked at in the end of each test.
const wrongs = [];
async function open(url, size = SIZES.desktop) {
  const page = await context.newPage();
  await page.setViewportSize(size);
  page.on('pageerror', (error) => wrongs.push('error: ' + error.message));
  page.on('console', (message) => /Content Security Policy|Trusted/.test(message.text()) && wrongs.push(message.text()));
  page.on('dialog', (dialog) => wrongs.push('dialog: ' + dialog.message()));
  page.on('request', (request) => new URL(request.url()).origin !== new URL(url).origin && wrongs.push('asked ' + request.url()));
  await page.addInitScript(() => addEventListener('securitypolicyviolation', (event) => console.error('Content Security Policy: ' + event.violatedDirective)));
  await page.goto(url);
  return page;
}
const rows = (page) => page.locator('.finding');
const live = (page) => page.locator('#live[data-state=live]').waitFor();

async function known() {
  return (await (await fetch(hecate.open + '/api/findings')).json()).length;
}
async function find(...targets) {
  const before = await known();
  await hecate.send(targets.map((each) => (typeof each === 'string' ? planted(each) : planted(...each))));
  await eventually(async () => (await known()) === before + targets.length, 'the findings are told');
}

test.afterEach(async () => {
  assert.deepEqual(wrongs.splice(0), []);
  for (const page of context.pages().slice(1)) await page.close();
});

test('an empty page says what to do, and a finding appears by itself', async () => {
  const page = await open(hecate.open);
  await live(page);
  await page.getByText('No event has come in yet').waitFor();
  await find('drivers\\first.sys');
  await rows(page).first().waitFor();
  assert.match(await rows(page).first().innerText(), /first\.sys on ws-1/);
  assert.equal(await page.locator('#announce').innerText(), '1 new finding');
  // One more, while one is open and has the focus: it comes on top, and nothing is lost.
  await rows(page).first().getByRole('link').click();
  await page.locator('.detail h1').getByText('first.sys').waitFor();
  const hash = new URL(page.url()).hash;
  await find('drivers\\second.sys');
  await rows(page).nth(1).waitFor();
  assert.match(await rows(page).first().innerText(), /second\.sys/);
  assert.equal(new URL(page.url()).hash, hash);
  assert.match(await page.locator('.detail h1').innerText(), /first\.sys/);
});

test('text of events stays text', async () => {
  await find(...HOSTILE);
  const page = await open(hecate.open);
  await rows(page).nth(HOSTILE.length - 1).waitFor();
  const titles = await page.locator('.finding .what').allTextContents();
  for (const name of HOSTILE) {
    assert.ok(titles.some((each) => each.includes('C:\\Windows\\System32\\' + name)), name);
    await page.locator('.finding a').filter({hasText: name}).click();
    await page.locator('.detail h1').filter({hasText: name}).waitFor();
    await page.locator('table.fields').filter({hasText: name}).waitFor();
  }
  assert.equal(await page.locator('main script, main img').count(), 0);
  assert.equal(await page.title(), 'Findings · hecate');
  // What turns text is shown by its code, and turns nothing: the name ends where it stands.
  const mark = page.locator('.finding .what .ctl[data-code="U+202E"]');
  await mark.waitFor();
  const turned = await mark.evaluate((node) => {
    const range = document.createRange(), after = node.nextSibling.firstChild;
    const left = (i) => (range.setStart(after, i), range.setEnd(after, i + 1), range.getBoundingClientRect().left);
    return left(0) < left(3);
  });
  assert.ok(turned, 'xcod reads from left to right behind the mark');
});

test('filters, deep links and the way back', async () => {
  await find(['drivers\\other.sys', 'db-7.corp.example']);
  const page = await open(hecate.open + '/#/findings?host=DB-7');
  await rows(page).first().waitFor();
  assert.equal(await rows(page).count(), 1);
  await rows(page).first().getByRole('link').press('Enter');
  await page.locator('.detail h1').waitFor();
  await page.getByRole('link', {name: /T\d{4}/}).first().waitFor();
  assert.match(await page.getByRole('link', {name: /T\d{4}/}).first().getAttribute('href'), /^https:\/\/attack\.mitre\.org\/techniques\/T\d{4}\//);
  assert.match(await page.locator('.search pre').first().innerText(), /^index="notable" source="ESCU - .* - Rule" finding_id="[0-9a-f]{32}"$/);
  const link = page.url();
  const other = await open(link, SIZES.phone);
  await other.locator('.detail h1').getByText('other.sys').waitFor();
  await other.getByRole('button', {name: 'All findings'}).click();
  await rows(other).first().waitFor();
  assert.equal(new URL(other.url()).hash, '#/findings?host=DB-7');
  const nobody = await open(hecate.open + '/#/findings?host=nobody');
  await nobody.getByRole('button', {name: 'Show all findings'}).click();
  await rows(nobody).nth(1).waitFor();
  const gone = await open(hecate.open + '/#/findings/00000000000000000000000000000000');
  await gone.getByText('This finding is not here').waitFor();
});

test('what comes while the reader is further down waits behind a button', async () => {
  await find(...Array.from({length: 60}, (_, i) => `drivers\\many${i}.sys`));
  const page = await open(hecate.open);
  await rows(page).nth(49).waitFor();
  await page.getByRole('button', {name: 'Older findings'}).click();
  await rows(page).nth(59).waitFor();
  const scroll = page.locator('.list .scroll');
  await rows(page).nth(30).scrollIntoViewIfNeeded();
  await eventually(() => scroll.evaluate((node) => node.scrollTop > 100), 'it has scrolled');
  const top = () => rows(page).nth(30).evaluate((node) => node.getBoundingClientRect().top);
  const before = await top();
  await find('drivers\\late.sys');
  await page.getByRole('button', {name: '1 new finding'}).waitFor();
  assert.equal(await top(), before);
  await page.getByRole('button', {name: '1 new finding'}).click();
  await rows(page).first().filter({hasText: 'late.sys'}).waitFor();
});

test('it says when the daemon does not answer, and when it does again', async () => {
  const page = await open(hecate.open);
  await live(page);
  await context.setOffline(true);
  await page.getByText('hecate does not answer since').waitFor();
  assert.equal(await page.locator('#live').innerText(), 'No answer');
  await rows(page).first().waitFor();
  await context.setOffline(false);
  await live(page);
  assert.equal(await page.locator('.notice').count(), 0);
});

test('a login opens the page, by a cookie that scripts do not see', async () => {
  const page = await open(hecate.named);
  await page.getByLabel('Token').waitFor();
  for (const [size, viewport] of SHOTS ? Object.entries(SIZES) : []) {
    mkdirSync(SHOTS, {recursive: true});
    await page.setViewportSize(viewport);
    await page.screenshot({path: join(SHOTS, `login-${size}.png`)});
  }
  await page.getByLabel('Token').fill('wrong');
  await page.getByRole('button', {name: 'Log in'}).click();
  await page.getByText('This is not the token of admin.token.').waitFor();
  assert.equal(await page.evaluate(() => fetch('/api/findings').then((answer) => answer.status)), 401);
  await page.getByLabel('Token').fill(ADMIN_TOKEN);
  await page.getByLabel('Token').press('Enter');
  await rows(page).first().waitFor();
  const [cookie] = await context.cookies(hecate.named);
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path, cookie.domain], [true, 'Strict', '/', 'hecate.test']);
  assert.equal(await page.evaluate(() => document.cookie), '');
  assert.equal(page.url().includes(ADMIN_TOKEN), false);
  await page.reload();
  await rows(page).first().waitFor();
  await page.getByRole('button', {name: 'Log out'}).click();
  await page.getByLabel('Token').waitFor();
  assert.equal(await rows(page).count(), 0);
  assert.equal(await page.evaluate(() => fetch('/api/findings').then((answer) => answer.status)), 401);
  assert.equal((await context.cookies(hecate.named)).length, 0);
});

test('detections tell when they run, what is off and why a reload was refused', async () => {
  const page = await open(hecate.open + '/#/detections');
  const row = page.locator('tbody tr').filter({hasText: 'Windows MsMpEng Writing to System32'});
  await row.waitFor();
  assert.match(await row.innerText(), /in \d+ (s|min)/);
  const broken = join(hecate.folder, 'broken.yml');
  writeFileSync(broken, 'name: Broken\nid: b\nversion: 1\ntype: TTP\nsearch: "index=x | nosuchcommand"\n');
  hecate.configure({detections: {paths: ['builtin:', broken], defaults: {emit: 'first_match'}}});
  await page.getByText('The last reload was refused').waitFor();
  await page.getByText('broken.yml:').waitFor();
  assert.match(await page.locator('.off-list').first().innerText(), /Broken[^]*nosuchcommand/);
  hecate.configure({});
  await page.locator('.notice').waitFor({state: 'detached'});
  await row.getByRole('link').first().click();
  await page.getByRole('heading', {name: 'How it is run'}).waitFor();
});

test('the flow shows what came, and the sources from where', async () => {
  const page = await open(hecate.open + '/#/flow');
  const hec = page.locator('.cards .panel').filter({hasText: 'hec'});
  await hec.getByText('Received').waitFor();
  assert.ok((await hec.locator('dd').first().innerText()) > 0);
  await page.getByText('No outputs.hec is configured').waitFor();
  await page.getByRole('link', {name: 'Sources'}).click();
  await page.getByRole('link', {name: 'ws-1.corp.example'}).waitFor();
});

test('two sizes, dark and light, and nothing to scroll sideways', async () => {
  if (SHOTS) mkdirSync(SHOTS, {recursive: true});
  const backgrounds = new Set();
  for (const [size, viewport] of Object.entries(SIZES)) {
    const page = await open(hecate.open, viewport);
    await rows(page).first().waitFor();
    const hash = await page.locator('.finding a').nth(2).getAttribute('href');
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({colorScheme: scheme});
      backgrounds.add(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      for (const [name, where, ready] of [['list', '#/findings', '.finding'], ['finding', hash, '.detail table.fields'], ['detections', '#/detections', 'tbody tr'], ['detection', '#/detections/Windows%20MsMpEng%20Writing%20to%20System32', 'pre.text'], ['flow', '#/flow', '.spark'], ['sources', '#/sources', 'tbody tr']]) {
        await page.evaluate((to) => (location.hash = to), where);
        await page.locator(ready).first().waitFor();
        const wide = await page.evaluate(() => [...document.querySelectorAll('html, body, .scroll')].filter((node) => node.scrollWidth > node.clientWidth && node.checkVisibility()).map((node) => node.className || node.tagName));
        assert.deepEqual(wide, [], `${name} ${size}`);
        if (SHOTS) await page.screenshot({path: join(SHOTS, `${name}-${size}-${scheme}.png`)});
      }
    }
  }
  assert.equal(backgrounds.size, 2);
});
