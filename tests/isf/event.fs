/*{ "ISFVSN": "2", "INPUTS": [ { "NAME": "strike", "TYPE": "event" } ],
    "PASSES": [ { "TARGET": "count", "PERSISTENT": true, "FLOAT": true, "WIDTH": "1", "HEIGHT": "1" }, {} ] }*/
void main() {
    if (PASSINDEX == 0) gl_FragColor = IMG_PIXEL(count, vec2(0.5)) + (strike ? vec4(1.0) : vec4(0.0));
    else gl_FragColor = vec4(IMG_PIXEL(count, vec2(0.5)).r, strike ? 1.0 : 0.0, 0.0, 1.0);
}
