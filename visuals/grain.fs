/*{
    "DESCRIPTION": "Wood grain: lines that flow round the knobs, bent by where they stand and trembling with the sound.",
    "CREDIT": "Rosin developers, Apache-2.0",
    "ISFVSN": "2.0",
    "CATEGORIES": ["Generator", "Rosin"],
    "INPUTS": [
        { "NAME": "lines", "LABEL": "lines", "TYPE": "float", "DEFAULT": 15.0, "MIN": 4.0, "MAX": 40.0 },
        { "NAME": "warp", "LABEL": "warp", "TYPE": "float", "DEFAULT": 1.0, "MIN": 0.0, "MAX": 2.5 },
        { "NAME": "flow", "LABEL": "flow", "TYPE": "float", "DEFAULT": 0.35, "MIN": 0.0, "MAX": 1.5 },
        { "NAME": "level", "TYPE": "float" },
        { "NAME": "pos0", "TYPE": "float", "MIN": -1.0, "MAX": 1.0 },
        { "NAME": "pos1", "TYPE": "float", "MIN": -1.0, "MAX": 1.0 },
        { "NAME": "pos2", "TYPE": "float", "MIN": -1.0, "MAX": 1.0 },
        { "NAME": "pos3", "TYPE": "float", "MIN": -1.0, "MAX": 1.0 },
        { "NAME": "pos4", "TYPE": "float", "MIN": -1.0, "MAX": 1.0 },
        { "NAME": "pos5", "TYPE": "float", "MIN": -1.0, "MAX": 1.0 },
        { "NAME": "force0", "TYPE": "float", "MIN": -0.3, "MAX": 0.3 },
        { "NAME": "force1", "TYPE": "float", "MIN": -0.3, "MAX": 0.3 },
        { "NAME": "force2", "TYPE": "float", "MIN": -0.3, "MAX": 0.3 },
        { "NAME": "force3", "TYPE": "float", "MIN": -0.3, "MAX": 0.3 },
        { "NAME": "force4", "TYPE": "float", "MIN": -0.3, "MAX": 0.3 },
        { "NAME": "force5", "TYPE": "float", "MIN": -0.3, "MAX": 0.3 },
        { "NAME": "wave", "TYPE": "audio", "MAX": 128 }
    ]
}*/

const vec3 IVORY = vec3(1.000, 0.933, 0.839);
const vec3 EMBER = vec3(0.784, 0.384, 0.165);
const vec3 SLATE = vec3(0.290, 0.310, 0.525);

float hash(vec2 p) {
    p = fract(p * vec2(0.1031, 0.1130));
    p += dot(p, p.yx + 33.33);
    return fract((p.x + p.y) * p.x);
}

float noise(vec2 p) {
    vec2 i = floor(p), f = fract(p);
    f = f * f * f * (f * (f * 6.0 - 15.0) + 10.0);
    return mix(mix(hash(i), hash(i + vec2(1.0, 0.0)), f.x),
               mix(hash(i + vec2(0.0, 1.0)), hash(i + vec2(1.0, 1.0)), f.x), f.y);
}

// Height of the field that the lines are levels of, and in y how strained it is there.
vec2 field(vec2 p) {
    float t = TIME * flow * 0.12;
    float f = p.y * lines * 0.55;
    f += warp * 2.6 * (noise(p * vec2(0.9, 1.7) + vec2(t, -0.4 * t)) - 0.5);
    f += warp * 1.1 * (noise(p * vec2(2.1, 4.3) + vec2(-1.3 * t, 7.0)) - 0.5);
    float strain = 0.0;
    for (int k = 0; k < 6; k++) {
        float at = k == 0 ? pos0 : k == 1 ? pos1 : k == 2 ? pos2 : k == 3 ? pos3 : k == 4 ? pos4 : pos5;
        float push = k == 0 ? force0 : k == 1 ? force1 : k == 2 ? force2 : k == 3 ? force3 : k == 4 ? force4 : force5;
        float side = float(k) - 2.5;
        vec2 centre = vec2(side * 0.62, 0.52 * sin(float(k) * 2.4 + 0.6));
        vec2 d = (p - centre) * vec2(1.0, 1.5);
        float near = exp(-dot(d, d) * 7.0);
        f += near * lines * (0.12 + 0.30 * at) * (mod(float(k), 2.0) * 2.0 - 1.0);
        strain += near * abs(push) * 5.0;
    }
    return vec2(f, clamp(strain, 0.0, 1.0));
}

void main() {
    vec2 uv = isf_FragNormCoord;
    vec2 p = (uv - 0.5) * 2.0 * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float sound = IMG_NORM_PIXEL(wave, vec2(uv.x, 0.5)).r - 0.5;
    vec2 found = field(p);
    float f = found.x + sound * 1.3 * exp(-p.y * p.y * 3.0);
    float number = floor(f + 0.5);
    float away = abs(f - number);
    float slope = max(fwidth(f), 1e-4);
    float width = (0.55 + 0.75 * level) * RENDERSIZE.y / 360.0;
    // As wide everywhere, whether steep or flat, no thinner than a pixel; and the dimmer the closer the lines lie.
    float line = smoothstep(width + 1.2, width * 0.3, away / slope) * clamp(0.34 / slope, 0.0, 1.0);
    float glow = exp(-away * 7.0) * 0.08 * smoothstep(0.004, 0.03, slope * RENDERSIZE.y / 360.0);
    float own = hash(vec2(number, 3.0));
    float late = hash(vec2(number, 8.0)) < 0.22 ? 1.0 : 0.0;         // now and then a dark, wide ring
    vec3 tone = mix(SLATE, IVORY, 0.18 + 0.62 * own * own + 0.35 * level);
    tone = mix(tone, EMBER * 1.25, found.y);
    float bright = mix(0.45, 1.0, own) * (0.60 + 0.40 * level) * (1.0 - 0.55 * late);
    // Fibres between the rings: five to each, too fine to be counted.
    float fine = f * 5.0 + 0.6 * noise(p * vec2(3.0, 40.0));
    float fibre = exp(-abs(fract(fine) - 0.5) * 9.0) * smoothstep(0.45, 0.15, slope * 5.0);
    tone *= mix(0.75, 1.0, level);
    vec3 c = tone * line * bright + mix(SLATE, tone, 0.4) * fibre * (0.10 + 0.10 * level) * (0.3 + 0.7 * own) + mix(EMBER, SLATE, own) * glow * (0.35 + 0.65 * level + found.y);
    float edge = smoothstep(1.25, 0.25, length((uv - 0.5) * vec2(1.6, 1.9)));
    gl_FragColor = vec4(c * edge, 1.0);
}
