// The shift's figures, beside what the field asks for.
import { dispatchedWithin, falseAlarmsByPlace, percent, perTenMinutes, since, takenWithin, type Share } from "./figures";
import { cases, casesChanged, figuresSinceMs, loadedMs } from "./state";
import { t } from "./strings";
import { now, second, wall } from "./time";
import { clock } from "./words";

const GOALS = [
  { seconds: 10, least: 0.9, figure: takenWithin },
  { seconds: 15, least: 0.9, figure: takenWithin },
  { seconds: 20, least: 0.95, figure: takenWithin },
  { seconds: 60, least: 0.9, figure: dispatchedWithin },
] as const;

export function FiguresCard() {
  casesChanged.value;
  second.value;
  const counted = since(cases.values(), figuresSinceMs.value);
  return (
    <section class="card" aria-labelledby="figures-title">
      <h2 id="figures-title">{t.shift.figures(clock(wall(figuresSinceMs.value), false))}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.shift.figure}</th>
            <th scope="col">{t.shift.now}</th>
            <th scope="col">{t.shift.goal}</th>
          </tr>
        </thead>
        <tbody>
          {GOALS.map(({ seconds, least, figure }) => (
            <FigureRow key={seconds} word={figure === takenWithin ? t.shift.taken(seconds) : t.shift.sent(seconds)} least={least} share={figure(counted, seconds, now())} />
          ))}
        </tbody>
      </table>
      <p class="small">{t.shift.figuresWhy}</p>
      <p class="small source">{t.shift.goalsSource}</p>
    </section>
  );
}

function FigureRow({ word, least, share }: { word: string; least: number; share: Share }) {
  const isMet = share.within >= least * share.of;
  return (
    <tr>
      <th scope="row">{word}</th>
      <td>
        {share.of === 0 ? (
          t.shift.noneYet
        ) : (
          <>
            <strong>{t.shift.percent(percent(share, least))}</strong> <span class="small share">{t.shift.share(share.within, share.of)}</span>
          </>
        )}
      </td>
      <td>
        {t.shift.least(100 * least)}
        {share.of > 0 && <span class={isMet ? "verdict good" : "verdict bad"}>{isMet ? `✓ ${t.shift.met}` : `✗ ${t.shift.missed}`}</span>}
      </td>
    </tr>
  );
}

const FLOOD = 10;
const STRETCHES = 24;
const STRETCH_MS = 600_000;

export function RateCard() {
  casesChanged.value;
  second.value;
  const rates = perTenMinutes(cases.values(), STRETCHES, now());
  const sinceMs = Math.max(loadedMs, now() - STRETCHES * STRETCH_MS);
  const newest = rates.at(-1) ?? 0;
  const most = Math.max(...rates);
  const top = Math.max(12, most);
  return (
    <section class="card" aria-labelledby="rate-title">
      <h2 id="rate-title">{t.shift.rate}</h2>
      <p>
        <strong>{t.shift.rateNow(newest)}</strong> · {t.shift.ratePeak(most, clock(wall(sinceMs), false))}
      </p>
      <svg class="bars" viewBox="0 0 240 60" role="img" aria-label={t.shift.rateCurve(rates.join(", "))} preserveAspectRatio="none">
        {rates.map((count, i) => (
          <rect key={i} x={i * 10 + 1} width="8" y={60 - (count / top) * 60} height={(count / top) * 60} class={count > FLOOD ? "bar over" : "bar"} />
        ))}
        <line x1="0" x2="240" y1={60 - (FLOOD / top) * 60} y2={60 - (FLOOD / top) * 60} />
      </svg>
      <p class={newest > FLOOD ? "bad" : "small"}>{newest > FLOOD ? `▲ ${t.shift.flood}` : t.shift.noFlood}</p>
      <p class="small source">{t.shift.floodSource}</p>
    </section>
  );
}

export function PlacesCard() {
  casesChanged.value;
  const places = falseAlarmsByPlace(since(cases.values(), figuresSinceMs.value));
  const from = clock(wall(figuresSinceMs.value), false);
  return (
    <section class="card" aria-labelledby="places-title">
      <h2 id="places-title">{t.shift.falseAlarms(from)}</h2>
      {places.length === 0 ? (
        <p>{t.shift.falseNone(from)}</p>
      ) : (
        <table>
          <thead>
            <tr>
              <th scope="col">{t.shift.placeHead}</th>
              <th scope="col">{t.shift.countHead}</th>
            </tr>
          </thead>
          <tbody>
            {places.slice(0, 20).map((one) => (
              <tr key={one.source}>
                <th scope="row">{one.place}</th>
                <td>{t.shift.falseOf(one.falseAlarms, one.all)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
