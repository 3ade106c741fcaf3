// Written by tools/derive-sqli-fingerprints.ts: change the tool, not this file.

/** Beginnings of folded queries that only attacks have; `$` marks the end. */
export const LOW_FINGERPRINTS: ReadonlySet<string> = setOf(`
  &bUEf (1&( (1&1 (1&f (1&s (1&v (1o(E (E (f( (k1kf (nof( (s&( (s&1 (s&f (s&s (s&v (v&1) (v&f (v&s (v&v )&(En
  1&( 1&1= 1&1B 1&1U 1&1XU 1&1d$ 1&1o( 1&E(n 1&E1k 1&Ek1 1&b$ 1&b) 1&b:) 1&bBn 1&bU 1&bX 1&bd 1&bkk 1&bo 1&f
  1&nB1U 1&no(E 1&s)d 1&sU 1&v 1(En 1(U( 1)&( 1)&1 1)&b 1)&f 1)&vU 1))&b 1))&f 1)))&b 1)))&f 1)))B 1))Bn 1))U
  1);Ek 1);n;E 1)B 1)U 1)d$ 1)kkn 1)knk 1)on&b 1;EEv 1;ET 1;Ef 1;Ek 1;Enb 1;End 1;Enk 1;Ev 1;fTT 1;kf( 1;n;E
  1;ns;E 1=(E 1B1$ 1B1) 1B1B 1B1U 1B1d 1B1nE 1BE1d 1Bf 1BnU 1EU1d 1EXUE 1Enk 1Eokn 1U$ 1U( 1U1d$ 1UE 1UX 1Uk
  1Uo 1X 1fB1$ 1kbd$ 1kkf 1kks 1nE 1nUE 1o(E 1o11U 1oEXU 1oU 1oXUE 1ok(E ;Eknd ;k(Ef =XUXE E1) E1,f( E1;(E
  E1k E1nvd EX1kn Ef En) EnE1$ En[k] Enb; Enk Eo.n$ Es) Esk Ev EwUE1 E{n}$ U(E UE1 UEnkn Uk(E UkE1$ UkEf$
  XUEnk [n]UE b&1)$ b&bU b)&bd b)U bU bXUE1 f&b f(E f(XEf f(f f(n,( f))d$ f)UE f)d$ fB1U fBfU fUE fd$ k(E1
  k1k1k k1ksk kf(E1 kk1k1 ksk1k n&(E n&1= n&1Bf n&b n&f(b n&fnb n)&bc n))&f n)))&1 n)));E n)))T n));E n))TT
  n);f,E n)UE1 n)kb& n,(E n,(f( n,f(1 n1UE n:o1U n;fT nB(1& nB(v& nB1UE nE1$ nEUEn nEnkn nTTsd nU( nUE nUkE(
  nkbU no(E1 noE1& nsU q&( q&1$ q&1& q&1= q&1B q&1ET q&1U q&1XU q&1d$ q&b q&f q&k.n q&n& q&nd$ q&nn q&s&s q&v
  q(E q)&b q)&f q))&( q))&b q))&f q)))&b q)))&f q)))B q))B q);Ek q)B q)U q;E q;ET q;Tns q;fT q;k q;n:E q;nEn
  q=(Ef q=(v( q=1& q=1U( q=1c$ q=f q=s qB1$ qB1U qB1c qB1d qE1;E qE1E qEE qEU1d qEXUE qEn:E qEn;n qEnE qEs;E
  qEsEn qEsk[ qEv qU( qUE qUXEn qUk qX&bd qXB1U qXU qbUE1 qd$ qf&s$ qkf(E qkksc qkksd qnB1$ qo(1 qo(Es qo1&
  qo1U qo1d qob& qobc$ qobd qobs$ qof qon&s qon)= qon)B qonBb qos& qos) qosU( qov qs&b$ s&1c$ s&fd$ s&s)d
  s))d$ s)d$ s;ET sU skk v&1UE v&bU v&s)d v&v)U v&vU v)&vU v)B1U v)d$ vB1 vBfUE vU vd$ vkk(f( vkkf( vkksd$
  vnE vo(E w1UE1 {n1}U {n}UE
`)

/** Rarer ones, and ones that innocent text has now and then. */
export const HIGH_FINGERPRINTS: ReadonlySet<string> = setOf(`
  &b 1Ud B1d q&n$ q=b$ s&b s&f sd$
`)

function setOf(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/))
}
