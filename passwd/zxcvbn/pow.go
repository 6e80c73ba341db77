package zxcvbn

import "math"

// pow returns x to the power of y for x >= 1 and a whole y >= 0, rounded as the engine of Node.js 20 rounds it. Numbers of guesses
// would differ in the last bit otherwise, as they do between engines: newer ones use the C library's pow.
//
// The method is fdlibm's: log2(x) in two pieces that hold more bits than a float64, times y, then 2 to that power.
//
// Copyright (C) 2004 by Sun Microsystems, Inc. All rights reserved. Permission to use, copy, modify, and distribute this
// software is freely granted, provided that this notice is preserved.
func pow(x float64, y int) float64 {
	switch {
	case y == 0:
		return 1
	case y == 1:
		return x
	case y == 2:
		return x * x
	}
	hi, lo := log2(x)
	yf := float64(y)
	// y in two pieces: its lower half of bits is zero for every y that occurs.
	ph, pl := yf*hi, yf*lo
	z := pl + ph
	if z >= 1024 {
		return math.Inf(1)
	}
	return exp2(ph, pl, z)
}

// log2 returns the logarithm of x in two pieces.
func log2(x float64) (hi, lo float64) {
	const (
		l1   = 5.99999999999994648725e-01
		l2   = 4.28571428578550184252e-01
		l3   = 3.33333329818377432918e-01
		l4   = 2.72728123808534006489e-01
		l5   = 2.30660745775561754067e-01
		l6   = 2.06975017800338417784e-01
		cp   = 9.61796693925975554329e-01 // 2/(3 ln 2), and in two pieces
		cpH  = 9.61796700954437255859e-01
		cpL  = -7.02846165095275826516e-09
		sqrt = 0x3988E // upper bits of sqrt(3/2), and of sqrt(3)
		sqr3 = 0xBB67A
	)
	bp, dpH, dpL := 1.0, 0.0, 0.0
	ix := int32(math.Float64bits(x) >> 32)
	n := ix>>20 - 0x3ff
	j := ix & 0xfffff
	ix = j | 0x3ff00000
	switch {
	case j <= sqrt:
	case j < sqr3:
		bp, dpH, dpL = 1.5, 5.84962487220764160156e-01, 1.35003920212974897128e-08
	default:
		n++
		ix -= 0x00100000
	}
	ax := math.Float64frombits(uint64(ix)<<32 | math.Float64bits(x)&0xffffffff)

	// s = (x-bp)/(x+bp) in two pieces, without fused operations: they would round otherwise.
	u := ax - bp
	v := 1 / (ax + bp)
	s := float64(u * v)
	sH := upper(s)
	k := int64(0)
	if bp == 1.5 {
		k = 1
	}
	tH := math.Float64frombits(uint64(int64((ix>>1)|0x20000000)+0x00080000+k<<18) << 32)
	tL := ax - (tH - bp)
	sL := v * float64(float64(u-float64(sH*tH))-float64(sH*tL))

	s2 := float64(s * s)
	r := float64(s2*s2) * float64(l1+float64(s2*float64(l2+float64(s2*float64(l3+float64(s2*float64(l4+float64(s2*float64(l5+float64(s2*l6))))))))))
	r += float64(sL * float64(sH+s))
	s2 = float64(sH * sH)
	tH = upper(3 + s2 + r)
	tL = r - float64(float64(tH-3)-s2)
	u = float64(sH * tH)
	v = float64(sL*tH) + float64(tL*s)
	pH := upper(u + v)
	pL := v - (pH - u)
	zH := float64(cpH * pH)
	zL := float64(float64(cpL*pH)+float64(pL*cp)) + dpL
	t := float64(n)
	hi = upper(float64(float64(zH+zL)+dpH) + t)
	lo = zL - float64(float64(float64(hi-t)-dpH)-zH)
	return hi, lo
}

// exp2 returns 2 to the power of z = ph+pl.
func exp2(ph, pl, z float64) float64 {
	const (
		p1   = 1.66666666666666019037e-01
		p2   = -2.77777777770155933842e-03
		p3   = 6.61375632143793436117e-05
		p4   = -1.65339022054652515390e-06
		p5   = 4.13813679705723846039e-08
		lg2  = 6.93147180559945286227e-01
		lg2H = 6.93147182464599609375e-01
		lg2L = -1.90465429995776804525e-09
	)
	n := math.Floor(z + 0.5)
	ph -= n
	t := upper(pl + ph)
	u := float64(t * lg2H)
	w := u + (float64(float64(pl-(t-ph))*lg2) + float64(t*lg2L))
	t = float64(w * w)
	t1 := w - float64(t*float64(p1+float64(t*float64(p2+float64(t*float64(p3+float64(t*float64(p4+float64(t*p5)))))))))
	r := float64(w*t1) / (t1 - 2) // without fdlibm's last correction, which V8 does not have
	return math.Ldexp(1-(r-w), int(n))
}

// upper returns x without the lower half of its bits.
func upper(x float64) float64 {
	return math.Float64frombits(math.Float64bits(x) &^ 0xffffffff)
}
