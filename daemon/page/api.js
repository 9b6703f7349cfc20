// Asking the daemon. Same origin only; the session's cookie goes along by itself.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;  // 0: no answer
  }
}

// One that does not answer at all must be seen as lost before a person wonders.
const PATIENCE_MS = 15000;

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {cache: 'no-store', ...options, signal: AbortSignal.timeout(PATIENCE_MS)});
    const text = await response.text();
    const body = text && response.headers.get('content-type') === 'application/json' ? JSON.parse(text) : null;
    if (response.ok) return {body, next: nextOf(response)};
    throw new ApiError(response.status, body?.error ?? `the answer was ${response.status}`);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError(0, 'hecate does not answer');
  }
}

// The address behind the list, from `Link: <…>; rel="next"`.
function nextOf(response) {
  return /<([^>]*)>; rel="next"/.exec(response.headers.get('link') ?? '')?.[1] ?? null;
}

export const get = (path) => ask(path);
export const session = async () => (await ask('/session')).body;
export const logIn = (token) =>
  ask('/session', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({token})});
export const logOut = () => ask('/session', {method: 'DELETE'});

export function query(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return new URLSearchParams(given).toString();
}
