/*{
    "DESCRIPTION": "A first visual, to be changed: one input of each kind, and what becomes of it. Save it while it is drawn.",
    "CREDIT": "Rosin developers, Apache-2.0",
    "ISFVSN": "2.0",
    "CATEGORIES": ["Generator", "Test"],
    "INPUTS": [
        { "NAME": "size", "LABEL": "size", "TYPE": "float", "DEFAULT": 0.28, "MIN": 0.02, "MAX": 0.5 },
        { "NAME": "where", "LABEL": "where", "TYPE": "point2D", "DEFAULT": [0.5, 0.5], "MIN": [0.0, 0.0], "MAX": [1.0, 1.0] },
        { "NAME": "tint", "LABEL": "tint", "TYPE": "color", "DEFAULT": [1.0, 0.933, 0.839, 1.0] },
        { "NAME": "shape", "LABEL": "shape", "TYPE": "long", "VALUES": [0, 1, 2], "LABELS": ["ring", "square", "wave"], "DEFAULT": 2 },
        { "NAME": "filled", "LABEL": "filled", "TYPE": "bool", "DEFAULT": false },
        { "NAME": "strike", "LABEL": "strike", "TYPE": "event" },
        { "NAME": "level", "TYPE": "float" },
        { "NAME": "wave", "TYPE": "audio" }
    ],
    "PASSES": [
        { "TARGET": "struck", "PERSISTENT": true, "FLOAT": true, "WIDTH": "1", "HEIGHT": "1" },
        {}
    ]
}*/

// Rosin feeds "level" (its name says so) and "wave"; every other input is a knob: /rosin/visual/size and so on.

void main() {
    if (PASSINDEX == 0) {
        // One texel that remembers: 1 when struck, and half of it 0.3 s later.
        float old = IMG_PIXEL(struck, vec2(0.5)).r;
        gl_FragColor = vec4(strike ? 1.0 : old * exp(-TIMEDELTA / 0.43));
        return;
    }
    vec2 p = (isf_FragNormCoord - where) * vec2(RENDERSIZE.x / RENDERSIZE.y, 1.0);
    float glow = IMG_PIXEL(struck, vec2(0.5)).r;
    float angle = atan(p.x, -p.y) / 6.2831853 + 0.5;
    float sound = IMG_NORM_PIXEL(wave, vec2(angle, 0.5)).r - 0.5;
    float seam = smoothstep(0.0, 0.08, angle) * smoothstep(1.0, 0.92, angle);
    float away = shape == 1 ? max(abs(p.x), abs(p.y)) : length(p);
    float edge = size * (1.0 + 0.06 * level) + (shape == 2 ? 0.22 * sound * seam : 0.0);
    float thin = 0.0025 + 0.004 * level;
    float d = filled ? max(away - edge, 0.0) : abs(away - edge);
    float light = exp(-d * d / (thin * thin)) + (0.10 + 0.25 * glow) * exp(-d * 22.0);
    vec3 ember = vec3(0.784, 0.384, 0.165);
    gl_FragColor = vec4(mix(ember, tint.rgb, clamp(light, 0.0, 1.0)) * light * (0.45 + 0.4 * level), tint.a);
}
