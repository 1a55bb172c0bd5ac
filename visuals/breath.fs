/*{
    "DESCRIPTION": "Breath: the wave leaves light in the air, which rises, cools from ivory to ember to slate, and goes.",
    "CREDIT": "Rosin developers, Apache-2.0",
    "ISFVSN": "2.0",
    "CATEGORIES": ["Generator", "Rosin"],
    "INPUTS": [
        { "NAME": "memory", "LABEL": "memory", "TYPE": "float", "DEFAULT": 2.6, "MIN": 0.3, "MAX": 8.0 },
        { "NAME": "wind", "LABEL": "wind", "TYPE": "float", "DEFAULT": 0.5, "MIN": 0.0, "MAX": 1.5 },
        { "NAME": "reach", "LABEL": "reach", "TYPE": "float", "DEFAULT": 0.30, "MIN": 0.05, "MAX": 0.6 },
        { "NAME": "level", "TYPE": "float" },
        { "NAME": "chance", "TYPE": "float" },
        { "NAME": "wave", "TYPE": "audio", "MAX": 192 }
    ],
    "PASSES": [
        { "TARGET": "air", "PERSISTENT": true, "FLOAT": true, "WIDTH": "$WIDTH/2.0", "HEIGHT": "$HEIGHT/2.0" },
        {}
    ]
}*/

// air: r = light, g = heat, which goes sooner.

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
    f = f * f * (3.0 - 2.0 * f);
    return mix(mix(hash(i), hash(i + vec2(1.0, 0.0)), f.x),
               mix(hash(i + vec2(0.0, 1.0)), hash(i + vec2(1.0, 1.0)), f.x), f.y);
}

vec2 breeze(vec2 p) {
    float e = 0.05, t = TIME * 0.25;
    float a = noise(p * 3.0 + t), b = noise((p + vec2(e, 0.0)) * 3.0 + t), c = noise((p + vec2(0.0, e)) * 3.0 + t);
    return vec2(c - a, a - b) / e;                       // the curl of a noise: it stirs and never piles up
}

void main() {
    vec2 uv = isf_FragNormCoord;
    float aspect = RENDERSIZE.x / RENDERSIZE.y;
    if (PASSINDEX == 0) {
        float dt = clamp(TIMEDELTA, 0.0, 0.1);
        float side = uv.y < 0.5 ? -1.0 : 1.0;
        vec2 p = vec2(uv.x * aspect, uv.y);
        vec2 moved = wind * (0.10 * breeze(p) * vec2(1.0 / aspect, 1.0) + vec2(0.0, side * 0.085));
        vec2 from = uv - moved * dt;
        vec2 px = 1.0 / RENDERSIZE;
        vec2 air_here = IMG_NORM_PIXEL(air, from).rg * 0.6;
        air_here += 0.1 * (IMG_NORM_PIXEL(air, from + vec2(px.x, 0.0)).rg + IMG_NORM_PIXEL(air, from - vec2(px.x, 0.0)).rg
                         + IMG_NORM_PIXEL(air, from + vec2(0.0, px.y)).rg + IMG_NORM_PIXEL(air, from - vec2(0.0, px.y)).rg);
        air_here *= exp(-dt / vec2(memory, memory * 0.38));
        // The wave itself, as tall as it is loud and never too tall; its ends are bound.
        float sound = IMG_NORM_PIXEL(wave, vec2(uv.x, 0.5)).r * 2.0 - 1.0;
        float bound = smoothstep(0.0, 0.18, uv.x) * smoothstep(1.0, 0.82, uv.x);
        float y = 0.5 + reach * bound * sound / (0.35 + abs(sound));
        float thin = 0.0030 + 0.0050 * level;
        float d = (uv.y - y) / thin;
        float born = exp(-0.5 * d * d) * bound * (0.04 + 1.5 * level);
        born *= 1.0 + chance * 1.5 * (noise(vec2(uv.x * 90.0, TIME * 7.0)) - 0.5);
        vec2 light = air_here + born * dt * vec2(2.6, 5.5);
        gl_FragColor = vec4(min(light, vec2(4.0)), 0.0, 1.0);
    } else {
        vec2 here = IMG_NORM_PIXEL(air, uv).rg;
        float light = 1.0 - exp(-1.5 * here.r), heat = 1.0 - exp(-1.2 * here.g);
        vec3 cool = mix(SLATE, EMBER, smoothstep(0.03, 0.34, heat));
        vec3 c = mix(cool, IVORY, smoothstep(0.30, 0.90, heat)) * light;
        vec2 edge = smoothstep(vec2(0.0), vec2(0.10, 0.14), uv) * smoothstep(vec2(0.0), vec2(0.10, 0.14), 1.0 - uv);
        c *= edge.x * edge.y;
        gl_FragColor = vec4(c, 1.0);
    }
}
