#version 330 core
// One dial: 270 degrees of arc, raw 0 at the bottom left. Outside it the histogram of the training sound; on it the zone
// in which the knob sticks, the tether (dashed = held, thick = slipping), the bead (the sound), the ring (the hand) and
// their grain; a tick where a controller waits that has not picked the knob up.
uniform sampler2D bins;
uniform vec3 ground, ivory, hand_colour, strain_colour, text, slate;
uniform float beat, shown;
uniform vec2 grain;                                            // at the hand and at the bearing, in travel
flat in vec4 place, now, how;
in vec2 here;
out vec4 colour;

const float START = 2.35619449, SWEEP = 4.71238898;            // 135 and 270 degrees
vec4 sum = vec4(0.0);

void paint(vec3 c, float a) {
    sum = vec4(mix(sum.rgb, c, a), a + sum.a * (1.0 - a));
}
vec2 at(float raw) {
    float t = SWEEP * raw - START;
    return place.z * vec2(sin(t), cos(t));
}
float hash(vec2 p) {
    uvec2 q = uvec2(ivec2(p)) * uvec2(1597334673u, 3812015801u) + uint(beat) * 668265263u;
    uint n = (q.x ^ q.y) * 1597334673u;
    n ^= n >> 15; n *= 2246822519u; n ^= n >> 13;
    return float(n >> 8) / 16777216.0;
}
float specks(float d, float spread, float u) {
    if (spread <= 0.0) return 0.0;
    return step(1.0 - 0.34 * exp(-max(d, 0.0) / spread), hash(floor(here / (1.5 * u)))) * step(0.0, d);
}

void main() {
    float u = how.w, R = place.z, r = length(here);
    float raw = (atan(here.x, here.y) + START) / SWEEP;        // below 0 and above 1 in the gap
    float on = step(0.0, raw) * step(raw, 1.0);
    float inside = clamp(raw, 0.0, 1.0), off = r - R, along = SWEEP * R;
    float ends = length(vec2((raw - inside) * SWEEP * r, off));

    paint(mix(ground, text, 0.055), clamp(0.5 - (r - 0.70 * R), 0.0, 1.0));

    // the histogram: 32 bars, the one that the knob is in lit
    float bin = min(floor(inside * 32.0), 31.0);
    float tall = texelFetch(bins, ivec2(int(bin), int(place.w)), 0).r;
    if (tall >= 0.0) {
        float pitch = SWEEP * r / 32.0, x = abs((inside * 32.0 - bin) - 0.5) * pitch;
        float low = R + 13.0 * u, high = low + (1.4 + 17.0 * tall) * u;
        float bar = clamp(0.5 - (x - 0.33 * pitch), 0.0, 1.0) * clamp(r - low + 0.5, 0.0, 1.0) * clamp(high - r + 0.5, 0.0, 1.0);
        bool lit = bin == min(floor(now.y * 32.0), 31.0);
        paint(lit ? mix(slate, ivory, 0.72) : mix(slate, text, 0.12 + 0.30 * tall), bar * on * (lit ? 1.0 : 0.90));
    }

    // the arc and its ends
    paint(mix(ground, text, 0.36), clamp(0.5 - (abs(off) - 1.1 * u), 0.0, 1.0) * on);
    float stop = max(abs(off) - 6.0 * u, min(abs(raw), abs(raw - 1.0)) * SWEEP * r - 1.0 * u);
    paint(mix(ground, text, 0.62), clamp(0.5 - stop, 0.0, 1.0));

    // the zone in which it sticks, the pulled side of it lit; its brackets
    float hand = now.x, pos = now.y, stick = now.z, strain = now.w;
    float lead = hand - pos, state = how.x;
    if (stick > 0.002) {
        float away = raw - pos;
        float zone = max(abs(off) - 4.4 * u, (abs(away) - stick) * along);
        bool pulled = away * lead > 0.0;
        float hold = state > 1.5 ? 0.20 : 0.44;
        paint(mix(text, strain_colour, pulled ? strain * 0.75 : 0.0), clamp(0.5 - zone, 0.0, 1.0) * on * (pulled ? hold + 0.20 * strain : hold));
        float mark = max(abs(off) - 7.0 * u, abs(abs(away) - stick) * along - 0.9 * u);
        paint(mix(text, strain_colour, pulled ? strain : 0.0), clamp(0.5 - mark, 0.0, 1.0) * on * (state > 1.5 ? 0.45 : 0.95));
    }

    // a controller that has not picked the knob up yet
    if (how.z >= 0.0) {
        float a = min(how.z, hand), b = max(how.z, hand), mid = 0.5 * (a + b);
        float way = max(abs(off - 8.5 * u) - 0.7 * u, (abs(raw - mid) - 0.5 * (b - a)) * along);
        float dots = step(0.5, fract(raw * along / (5.0 * u)));
        paint(text, clamp(0.5 - way, 0.0, 1.0) * dots * on);
        float tick = max(abs(off) - 10.0 * u, abs(raw - how.z) * along - 1.3 * u);
        paint(ground, clamp(0.5 - (tick - 2.0 * u), 0.0, 1.0));
        paint(hand_colour, clamp(0.5 - tick, 0.0, 1.0));
    }

    // the tether, without what bead and ring cover
    float ring = 10.5 * u, bead = 7.4 * u, stroke = 3.0 * u;
    float way = lead >= 0.0 ? 1.0 : -1.0;
    float from = pos + way * bead / along, to = hand - way * (ring + 0.5 * stroke) / along;
    if (state > 0.5 && (to - from) * way > 0.0) {
        float mid = 0.5 * (from + to), span = 0.5 * abs(to - from);
        float beyond = max(abs(raw - mid) - span, 0.0) * along;
        if (state > 1.5) {
            float d = length(vec2(beyond, off)) - 2.7 * u;
            paint(ground, 0.8 * clamp(0.5 - (d - 1.6 * u), 0.0, 1.0));
            paint(strain_colour, clamp(0.5 - d, 0.0, 1.0));
        } else {
            float whole = 2.0 * span * along, n = max(1.0, floor(whole / (7.5 * u) + 0.5)), pitch = whole / n;
            float x = (raw - mid) * along + 0.5 * whole;
            float gap = max(abs(fract(x / pitch) - 0.5) * pitch - 0.22 * pitch, 0.0) + beyond;
            paint(hand_colour, clamp(0.5 - (length(vec2(gap, off)) - 1.9 * u), 0.0, 1.0));
        }
    }

    // ring and bead, last: a rim of ground keeps them apart from what lies beneath
    vec2 h = here - at(hand), p = here - at(pos);
    float dh = length(h) - ring, dp = length(p) - bead;
    paint(hand_colour, 0.9 * specks(dh, grain.x * along * 0.7, u));
    paint(ground, 0.85 * clamp(0.5 - (dh - 0.5 * stroke - 1.6 * u), 0.0, 1.0) * (dh > 0.0 ? 1.0 : 0.55));
    paint(hand_colour, clamp(0.5 - (abs(dh) - 0.5 * stroke * (how.y > 0.5 ? 1.35 : 1.0)), 0.0, 1.0));
    paint(ivory, 0.9 * specks(dp, grain.y * along * 0.7, u));
    paint(ground, 0.85 * clamp(0.5 - (dp - 1.8 * u), 0.0, 1.0));
    // the bead: bead_share() of stage/data/strain.py
    paint(mix(ivory, strain_colour, strain * sqrt(strain)), clamp(0.5 - dp, 0.0, 1.0));

    colour = vec4(sum.rgb, sum.a * shown);
}
