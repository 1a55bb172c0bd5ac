/*{
    "DESCRIPTION": "Strings: one for each part of the spectrum, low ones left; each swings as widely as its part sounds.",
    "CREDIT": "Rosin developers, Apache-2.0",
    "ISFVSN": "2.0",
    "CATEGORIES": ["Generator", "Rosin"],
    "INPUTS": [
        { "NAME": "swing", "LABEL": "swing", "TYPE": "float", "DEFAULT": 1.0, "MIN": 0.0, "MAX": 2.0 },
        { "NAME": "ring", "LABEL": "ring", "TYPE": "float", "DEFAULT": 0.55, "MIN": 0.05, "MAX": 3.0 },
        { "NAME": "turn", "LABEL": "turn", "TYPE": "float", "DEFAULT": 0.0, "MIN": -0.5, "MAX": 0.5 },
        { "NAME": "nodes", "LABEL": "nodes", "TYPE": "long", "VALUES": [1, 2, 3, 4], "LABELS": ["1", "2", "3", "4"], "DEFAULT": 2 },
        { "NAME": "level", "TYPE": "float" },
        { "NAME": "spectrum", "TYPE": "audioFFT" }
    ],
    "PASSES": [
        { "TARGET": "energy", "PERSISTENT": true, "FLOAT": true, "WIDTH": "32", "HEIGHT": "1" },
        {}
    ]
}*/

// energy, one texel a string: r = how widely it swings, g = how lately it was struck.

const float COUNT = 32.0;
const vec3 IVORY = vec3(1.000, 0.933, 0.839);
const vec3 EMBER = vec3(0.784, 0.384, 0.165);
const vec3 SLATE = vec3(0.290, 0.310, 0.525);

// Loudness 0..1 of the part of the spectrum that belongs to string i: even steps of pitch, from 94 Hz to 14 kHz.
float heard(float i) {
    float low = pow(2.0, i / COUNT * 7.2), high = pow(2.0, (i + 1.0) / COUNT * 7.2);
    float most = 0.0;
    for (int k = 0; k < 4; k++) {
        float bin = mix(low, high, (float(k) + 0.5) / 4.0);
        most = max(most, IMG_NORM_PIXEL(spectrum, vec2((bin + 0.5) / 256.0, 0.5)).r);
    }
    float db = 8.6859 * log(max(most, 1e-6)) + 1.5 * i / COUNT * 7.2;   // tilted by 1.5 dB an octave
    return clamp((db + 58.0) / 50.0, 0.0, 1.0);
}

void main() {
    vec2 uv = isf_FragNormCoord;
    if (PASSINDEX == 0) {
        float dt = clamp(TIMEDELTA, 0.0, 0.1);
        vec4 old = IMG_THIS_PIXEL(energy);
        float now = heard(floor(gl_FragCoord.x));
        float tau = now > old.r ? 0.06 : ring;
        float r = mix(now, old.r, exp(-dt / tau));
        float g = mix(clamp((now - old.r) * 4.0, 0.0, 1.0), old.g, exp(-dt / (now - old.r > old.g * 0.25 ? 0.05 : 0.45)));
        gl_FragColor = vec4(r, g, 0.0, 1.0);
        return;
    }
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    vec2 p = (uv - 0.5) * vec2(aspect, 1.0);
    p = mat2(cos(turn), sin(turn), -sin(turn), cos(turn)) * p;
    float span = 1.62, pitch = span / COUNT;
    float place = p.x / pitch + 0.5 * COUNT;
    float pixel = 1.0 / RENDERSIZE.y;
    vec3 c = vec3(0.0);
    float i = floor(place);
    float tall = 0.46 * (1.0 - 0.42 * i / COUNT);                    // the high ones are shorter, as in a harp
    float y = p.y / tall;
    if (i >= 0.0 && i < COUNT && abs(y) < 1.02) {
        vec2 e = IMG_PIXEL(energy, vec2(i + 0.5, 0.5)).rg;
        float form = abs(sin(1.5707963 * (y + 1.0) * float(nodes)));
        float wide = min(pitch * 0.48, pitch * 0.45 * swing * e.r * e.r * form) + 0.7 * pixel;
        float x = abs(p.x - (i + 0.5 - 0.5 * COUNT) * pitch);
        // A swinging string is a veil, brightest where it turns back.
        float veil = x < wide ? inversesqrt(1.0 - 0.88 * x * x / (wide * wide)) : 2.89 * exp(-(x - wide) / pixel);
        veil *= min(1.0, 0.9 * pixel / wide + 0.012);
        float end = smoothstep(1.02, 0.96, abs(y));
        vec3 tone = mix(mix(SLATE, EMBER, smoothstep(0.10, 0.45, e.r)), IVORY, smoothstep(0.35, 0.85, e.r));
        tone = mix(tone, EMBER * 1.6, 0.6 * e.g);
        float glow = exp(-x / (pitch * 0.35)) - 0.24;                // none where the next string begins
        c = end * (tone * veil * (0.16 + 0.84 * e.r) + EMBER * max(glow, 0.0) * e.r * e.r * 0.10 * (0.4 + 0.6 * form));
    }
    gl_FragColor = vec4(1.0 - exp(-c), 1.0);
}
